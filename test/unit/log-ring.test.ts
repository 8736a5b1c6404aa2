// The newest lines of the log, kept in memory within a bound.
import { expect, test } from 'bun:test'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'

const line = (message: string) => `${JSON.stringify({ level: 'info', time: 't', message })}\n`

test('keeps the newest lines, and no more than it may', () => {
  const ring = createLogRing(5)
  for (let i = 0; i < 12; i++) ring.write(line(`m${i}`))
  expect(ring.read({ limit: 100 }).map(({ sequence, message }) => [sequence, message])).toEqual(
    [11, 10, 9, 8, 7].map((i) => [i, `m${i}`]),
  )
  expect(ring.read({ limit: 2 }).map(({ sequence }) => sequence)).toEqual([11, 10])
  expect(ring.read({ limit: 100, after: 9 }).map(({ sequence }) => sequence)).toEqual([11, 10])
})

test('keeps no more bytes than it may', () => {
  const size = line('x'.repeat(100)).trimEnd().length
  const ring = createLogRing(1_000, size * 3)
  for (let i = 0; i < 50; i++) ring.write(line('x'.repeat(100)))
  expect(ring.read({ limit: 100 }).map(({ sequence }) => sequence)).toEqual([49, 48, 47])
  ring.write(line('y')) // a short one drives out a long one only where there is no room
  expect(ring.read({ limit: 100 }).map(({ sequence }) => sequence)).toEqual([50, 49, 48])
  ring.write(line('z'.repeat(200)))
  const kept = ring.read({ limit: 100 })
  expect(kept[0]!.sequence).toBe(51)
  expect(kept.length).toBeLessThan(3)
})

test('keeps info and above whatever goes to standard output', () => {
  const ring = createLogRing()
  const log = createLog('fatal', ring, false)
  log.debug('d')
  log.info('i')
  log.warn('w')
  log.error('e')
  expect(ring.read({ limit: 9 }).map(({ level, message }) => `${level} ${message}`)).toEqual(['error e', 'warn w', 'info i'])
  expect(ring.read({ limit: 9, level: 'warn' })).toHaveLength(1)
})
