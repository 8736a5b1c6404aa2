// The access log: what it writes of a request and at which level, bounded in a second.
import { expect, test } from 'bun:test'
import { createAccessLog } from '../../src/http/access-log.ts'
import { NOBODY } from '../../src/http/principal.ts'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'

test('the access log is bounded in a second, for failures too, and says how much it left out', () => {
  const ring = createLogRing()
  const logAccess = createAccessLog(createLog('fatal', ring, false))
  const at = (started: number, status: number) =>
    logAccess(
      { id: 'x', path: '/users', origin: '', route: '/users', started, principal: NOBODY },
      'GET',
      status,
      1,
      status < 500 ? undefined : new Error('why'),
    )
  for (let i = 0; i < 1_000; i++) at(5_000 + (i % 1_000), 200)
  for (let i = 0; i < 1_000; i++) at(5_999, 503)
  expect(ring.read({ limit: 9_999, level: 'info' })).toHaveLength(200)
  expect(ring.read({ limit: 9_999, level: 'error' })).toHaveLength(200) // not driven out by the thousand before
  at(6_000, 200)
  expect(ring.read({ limit: 2, level: 'info' })).toMatchObject([{ message: 'request' }, { lines: 1_600 }])
})

test.each<[string, string, number, 'info' | 'debug']>([
  ['a probe', '/health', 200, 'debug'],
  ['a scrape', '/metrics', 200, 'debug'],
  ['a scrape under its other name', '/prometheus', 200, 'debug'],
  ['a probe that is told to wait', '/ready', 503, 'info'],
  ['a scrape without its token', '/metrics', 401, 'info'],
  ['the figures that people look at', '/metrics/json', 200, 'info'],
  ['a request', '/users', 200, 'info'],
])('of %s (%s, %d) the access log writes at %s', (_, route, status, level) => {
  const said: string[] = []
  const take = (level: string) => () => void said.push(level)
  const logAccess = createAccessLog({ debug: take('debug'), info: take('info'), error: take('error') })
  const at = (started: number) =>
    logAccess({ id: 'x', path: route, origin: '', route, started, principal: NOBODY }, 'GET', status, 1)
  for (let i = 0; i < 300; i++) at(5_000)
  expect(said).toEqual(Array(200).fill(level))
  at(6_000)
  expect(said.slice(200)).toEqual(level === 'info' ? ['info', 'info'] : ['debug']) // omitted probes are not reported
})
