// The log as a stream of events: it resumes where it was cut, shares one connection with other streams, and drops lines for slow readers.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventStreams } from '../src/http/event-stream.ts'
import { logStream } from '../src/logs/stream.ts'
import { createLogRing } from '../src/telemetry/logs.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const WITHIN = 60_000

let server: TestServer
beforeAll(async () => {
  server = await serveOn(anyDatabase)
})
afterAll(() => server.stop())

type Sent = { event: string; id: number; data: string }

/** Reads events until `enough`; fails after 20 s. */
async function readEvents(response: Response, enough: (events: Sent[]) => boolean): Promise<Sent[]> {
  const events: Sent[] = []
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const timer = setTimeout(() => reader.cancel(), WITHIN)
  let text = ''
  while (!enough(events)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the tail ended after ${events.length} events`)
    text += value
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      if (field('data')) events.push({ event: field('event') ?? 'message', id: Number(field('id')), data: field('data')! })
    }
  }
  clearTimeout(timer)
  await reader.cancel()
  return events
}

const tail = (query = '', headers = {}) =>
  fetch(`${server.base}/logs${query}`, { headers: { accept: 'text/event-stream', ...headers } })

test('shows what happens, and resumes where it was cut', async () => {
  const first = await tail('?filter=/users/')
  expect(first.headers.get('content-type')).toBe('text/event-stream')
  for (let i = 1; i <= 3; i++) await server.get(`/users/${i}`)
  await server.get('/urls')
  const seen = await readEvents(first, (events) => events.length >= 3)
  expect(seen.map(({ data }) => JSON.parse(data).path)).toEqual(['/users/1', '/users/2', '/users/3'])
  expect(seen.map(({ data }) => JSON.parse(data).sequence)).toEqual(seen.map(({ id }) => id))

  for (let i = 4; i <= 6; i++) await server.get(`/users/${i}`) // while nobody listens
  const again = await tail('?filter=/users/', { 'last-event-id': String(seen.at(-1)!.id) })
  await server.get('/users/7')
  const resumed = await readEvents(again, (events) => events.length >= 4)
  expect(resumed.map(({ data }) => JSON.parse(data).path)).toEqual(['/users/4', '/users/5', '/users/6', '/users/7'])
})

test('of several streams comes over one connection, each with its index, and each resumes where it was', async () => {
  const several = (of: string[], last: string[] = []) =>
    fetch(
      `${server.base}/api/streams?${new URLSearchParams([...of.map((one) => ['of', one]), ...last.map((one) => ['last', one])] as [string, string][])}`,
      { headers: { accept: 'text/event-stream' } },
    )
  const of = ['/logs?filter=/users/', '/api/overview/stream', '/logs?regex=(', '/nowhere', '/api/overview/stream?replica=nobody']
  const named = (events: Sent[], name: string) => events.filter(({ event }) => event === name)
  const first = await several(of)
  for (let i = 11; i <= 12; i++) await server.get(`/users/${i}`)
  const seen = await readEvents(first, (events) => named(events, '0').length >= 2 && named(events, '1').length >= 1)
  expect(named(seen, '0').map(({ data }) => JSON.parse(data).path)).toEqual(['/users/11', '/users/12'])
  expect(JSON.parse(named(seen, '1')[0]!.data)).toHaveProperty('sample')
  expect(seen.filter(({ event }) => / /.test(event)).map(({ event, data }) => [event, JSON.parse(data).status])).toEqual([
    ['0 open', undefined],
    ['1 open', undefined],
    ['2 refused', 400],
    ['3 refused', 400],
    ['4 refused', 404],
  ])
  await server.get('/users/13') // while nobody listens
  const again = await several(of.slice(0, 2), [String(named(seen, '0').at(-1)!.id), ''])
  const resumed = await readEvents(again, (events) => named(events, '0').length >= 1)
  expect(JSON.parse(named(resumed, '0')[0]!.data).path).toBe('/users/13')
})

test.each([
  ['no stream', '', 400],
  ['too many streams', `?${'of=/logs&'.repeat(21)}`, 400],
])('of %s is refused', async (_, query, status) => {
  const answer = await fetch(`${server.base}/api/streams${query}`, { headers: { accept: 'text/event-stream' } })
  expect([answer.status, (await answer.json()).details[0].field]).toEqual([status, 'of'])
})

test('has nothing to say to a HEAD, and does not keep it waiting', async () => {
  const answer = await fetch(`${server.base}/logs`, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
  expect(answer.status).toBe(200)
})

test('shows one level where asked to', async () => {
  const response = await tail('?level=warning')
  await server.get('/users/1')
  await server.chaos.arm('latency', 1, 0.001, 1)
  server.chaos.endAll()
  const [event] = await readEvents(response, (events) => events.length >= 1)
  expect(JSON.parse(event!.data)).toMatchObject({ level: 'warn', message: 'fault armed' })
})

test('a slow reader loses lines and learns how many; nothing piles up', async () => {
  const ring = createLogRing(100_000)
  const write = (n: number) => {
    for (let i = 0; i < n; i++) ring.write(JSON.stringify({ level: 'info', time: 't', message: 'm' }))
  }
  const response = eventStreams().open(logStream(ring, {}))
  write(5_000) // with nobody reading
  const reading = readEvents(response, (events) => events.some(({ event }) => event === 'skipped') && events.at(-1)!.id === 5_000)
  await Bun.sleep(100)
  write(1)
  const events = await reading
  const lines = events.filter(({ event }) => event === 'message')
  const skipped = events.filter(({ event }) => event === 'skipped').reduce((sum, { data }) => sum + Number(data), 0)
  expect(lines.length + skipped).toBe(5_001)
  expect(lines.length).toBeLessThan(1_100)
  expect(lines.map(({ id }) => id)).toEqual(lines.map(({ id }) => id).toSorted((a, b) => a - b))
})

test.each([
  { name: 'still in the ring', size: 10_000 },
  { name: 'partly out of the ring', size: 700 },
])('a reader that returns too late learns how many lines it lost: $name', async ({ size }) => {
  const ring = createLogRing(size)
  for (let i = 0; i < 2_000; i++) ring.write(JSON.stringify({ level: 'info', time: 't', message: 'm' }))
  const events = await readEvents(eventStreams().open(logStream(ring, { after: 99 })), (events) => events.at(-1)?.id === 1_999)
  const lines = events.filter(({ event }) => event === 'message')
  expect(events[0]).toMatchObject({ event: 'skipped', data: String(1_900 - lines.length) })
  expect(lines.map(({ id }) => id)).toEqual(Array.from(lines, (_, i) => 2_000 - lines.length + i))
})
