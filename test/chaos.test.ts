// What each fault of /chaos does, that it ends by itself or by DELETE, and that it is seen. Who may arm one is in chaos-api.test.ts.
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import postgres from 'postgres'
import { startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const CHAOS_TOKEN = 'break-it-on-purpose'
const token = { 'x-chaos-token': CHAOS_TOKEN }
const kind = databases.at(-1)! // the external one, where there is one
const MiB = 1024 ** 2

let server: TestServer
beforeAll(async () => {
  server = await serveOn(kind, { CHAOS_TOKEN, ...UNLIMITED })
  await server.post('/urls', { original_url: 'https://example.com/', short_code: 'known' })
  await server.get('/known')
})
afterEach(async () => {
  await end()
  await until('the database is there', async () => (await server.get('/ready')).body.status === 'ready')
})
afterAll(() => server.stop())

const arm = async (body: object) => expect((await server.post('/chaos', body, token)).status).toBe(204)
const end = () => server.call('DELETE', '/chaos', undefined, token)
const armed = async () => (await server.get('/api/chaos')).body.armed.map(({ fault }: { fault: string }) => fault)
const metric = async (name: string) =>
  Number(new RegExp(`^waypost_${RegExp.escape(name)} (.*)$`, 'm').exec((await server.get('/metrics')).text)?.[1])
const statistics = () => server.settled('/urls/known/stats')

/** How often each answer came, by what `read` finds in it. */
async function tally(times: number, read: () => Promise<string>) {
  const counts: Record<string, number> = {}
  for (let i = 0; i < times; i++) {
    const found = await read()
    counts[found] = (counts[found] ?? 0) + 1
  }
  return counts
}

const cacheOf = async () => (await server.call('HEAD', '/known')).headers.get('x-cache')!

test('errors: what fails counts under its route, and in the errors of the summary', async () => {
  const summary = async () => (await server.get('/metrics/json')).body.requests
  const before = (await summary()).errors
  await arm({ fault: 'errors', duration: 60 })
  for (const [method, path] of [
    ['GET', '/urls'],
    ['GET', '/urls/1'],
    ['POST', '/users'],
    ['DELETE', '/events/7'],
    ['GET', '/known+'],
  ] as const)
    expect([path, (await server.call(method, path, method === 'POST' ? {} : undefined)).status]).toEqual([path, 500])
  await end()
  expect(await metric('http_requests_total{method="GET",route="/urls",status="500"}')).toBe(1)
  expect(await metric('http_requests_total{method="GET",route="/urls/:id",status="500"}')).toBe(1)
  expect(await metric('http_requests_total{method="POST",route="/users",status="500"}')).toBe(1)
  expect(await metric('http_requests_total{method="DELETE",route="/events/:id",status="500"}')).toBe(1)
  expect(await metric('http_requests_total{method="GET",route="/:code",status="500"}')).toBe(1)
  expect((await server.get('/metrics')).text).not.toMatch(/route="unmatched",status="5/)
  const { errors, by_status, total } = await summary()
  expect([errors, by_status['5xx']]).toEqual([before + 5, before + 5])
  expect(Object.values(by_status as Record<string, number>).reduce((sum, count) => sum + count, 0)).toBe(total)
})

test('cache: every redirect queries the database, and none fails', async () => {
  expect(await cacheOf()).toBe('HIT')
  await arm({ fault: 'cache', duration: 60 })
  expect(await tally(20, cacheOf)).toEqual({ MISS: 20 })
  expect(await metric('cache_mode{mode="hide"}')).toBe(1)
  await end()
  expect(await cacheOf()).toBe('HIT')
})

test('cache: a share of look-ups, for its time', async () => {
  await arm({ fault: 'cache', duration: 1, share: 0.5 })
  const { HIT, MISS } = await tally(60, cacheOf)
  expect([HIT! > 0, MISS! > 0]).toEqual([true, true])
  await until('it ends by itself', async () => !(await armed()).includes('cache'))
  expect(await tally(20, cacheOf)).toEqual({ HIT: 20 })
})

test('cache and database together: what is known still redirects', async () => {
  await arm({ fault: 'cache', duration: 60 })
  await arm({ fault: 'database', duration: 60 })
  expect((await server.call('HEAD', '/known')).status).toBe(302)
})

test('freeze-drain: clicks wait in the journal, and are stored once when it ends by itself', async () => {
  const { clicks } = (await statistics()).body
  await arm({ fault: 'freeze-drain', duration: 6 })
  let visits = 0
  const visit = async () => {
    expect((await server.get('/known')).status).toBe(302)
    visits++
    return server.get('/urls/known/stats')
  }
  await until('it is frozen', async () => (await visit()).headers.has('x-clicks-pending')) // the drain hears of it a moment later
  const before = (await server.get('/urls/known/stats')).body.clicks
  for (let i = 0; i < 20; i++) expect((await server.get('/known')).status).toBe(302)
  visits += 20
  const frozen = await server.get('/urls/known/stats')
  const pending = clicks + visits - before
  expect([frozen.headers.get('x-clicks-pending'), frozen.body.clicks]).toEqual([String(pending), before])
  expect(await metric('clicks_backlog')).toBe(pending)
  expect(await metric('clicks_oldest_seconds')).toBeGreaterThan(0) // what the alert goes by
  await until('they are stored', async () => (await metric('clicks_backlog')) === 0)
  expect((await statistics()).body.clicks).toBe(clicks + visits)
  expect(await armed()).toEqual([])
})

test('database: a share of queries fails, and the breaker stays closed', async () => {
  await arm({ fault: 'database', duration: 60, share: 0.5 })
  const answers = await tally(40, async () => String((await server.get('/users/1')).status))
  expect(Object.keys(answers).sort()).toEqual(['404', '503'])
  expect((await server.get('/ready')).body.status).toBe('ready')
  await end()
  expect(await tally(20, async () => String((await server.get('/users/1')).status))).toEqual({ '404': 20 })
})

test('database: the drain is cut off too', async () => {
  const { clicks } = (await statistics()).body
  await arm({ fault: 'database', duration: 60 })
  for (let i = 0; i < 5; i++) await server.get('/known')
  await until('it was tried', async () => (await server.get('/logs?filter=clicks could not be stored')).body.count > 0)
  expect(await metric('clicks_backlog')).toBe(5)
  await end()
  await until('they are stored', async () => (await statistics()).body.clicks === clicks + 5)
})

test('cpu: the cores are busy, requests are answered, and it ends at once', async () => {
  /** How many cores our threads took, and would have taken: they wait for one where other processes have them all. */
  const cores = async () => {
    const [before, at] = [threadTimes(), performance.now()]
    await Bun.sleep(200)
    const [after, ms] = [threadTimes(), performance.now() - at]
    return {
      taken: (after.ran - before.ran) / 1e6 / ms,
      wanted: (after.ran + after.waited - before.ran - before.waited) / 1e6 / ms,
    }
  }
  await until('it is quiet', async () => (await cores()).taken < 0.3)
  await arm({ fault: 'cpu', duration: 60, share: 0.9 })
  await until('it is busy', async () => (await cores()).wanted > 0.6)
  expect((await server.get('/users')).status).toBe(200)
  await end()
  await until('it is quiet again', async () => (await cores()).taken < 0.3)
})

/** ns that the threads of this process ran, and waited for a core. */
function threadTimes() {
  const sum = { ran: 0, waited: 0 }
  for (const thread of readdirSync('/proc/self/task')) {
    const [ran, waited] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ').map(Number)
    sum.ran += ran!
    sum.waited += waited!
  }
  return sum
}

test('memory: is taken and given back', async () => {
  const taken = () => process.memoryUsage.rss() - before
  const before = process.memoryUsage.rss()
  const most = 0.5 * Math.min(1024 * MiB, process.availableMemory() / 2) // what /chaos takes, where memory is short too
  await arm({ fault: 'memory', duration: 60, share: 0.5 })
  await until('it is taken', () => taken() > 0.8 * most)
  await end()
  await until('it is given back', () => taken() < 0.4 * most)
})

test('an armed fault is shown by /health, /ready, the overview and the metrics, until it ends', async () => {
  const told = async () => ({
    health: (await server.get('/health')).body.chaos,
    ready: (await server.get('/ready')).body.chaos,
    overview: (await server.get('/api/overview')).body.now.faults,
    metric: await metric('chaos_armed{fault="latency"}'),
  })
  const times = await metric('chaos_faults_total{fault="latency"}')
  await arm({ fault: 'latency', duration: 60, latency_ms: 1 })
  const one = [{ fault: 'latency', until: expect.any(String) }]
  expect(await told()).toEqual({ health: one, ready: one, overview: one, metric: 1 })
  await end()
  expect(await told()).toEqual({ health: undefined, ready: undefined, overview: [], metric: 0 })
  expect(await metric('chaos_faults_total{fault="latency"}')).toBe(times + 1)
})

test('the audit log has who armed what and how it ended, that of an outage too', async () => {
  const request_id = 'the-one-who-did-it'
  const post = (body: object) => server.post('/chaos', body, { ...token, 'x-request-id': request_id })
  await post({ fault: 'database', duration: 60 })
  await post({ fault: 'database', duration: 1 })
  const entries = async () => {
    const { body } = await server.get('/events?per_page=100')
    const ours = Array.isArray(body) ? body.filter(({ details }: any) => details?.request_id === request_id) : []
    return ours.map(({ event_type, details: { request_id: _, ...details } }: any) => [event_type, details])
  }
  await until('all four are there', async () => (await entries()).length === 4)
  const found = await entries()
  for (const entry of [
    ['chaos_armed', { fault: 'database', seconds: 60, share: 1, by: 'chaos-token' }],
    ['chaos_ended', { fault: 'database', how: 'armed anew', by: 'chaos-token' }],
    ['chaos_armed', { fault: 'database', seconds: 1, share: 1, by: 'chaos-token' }],
    ['chaos_ended', { fault: 'database', how: 'its time was over', by: 'server' }],
  ])
    expect(found).toContainEqual(entry)
})

test.skipIf(kind.name === 'embedded')('a kill is in the audit log before the process is gone', async () => {
  const DATABASE_URL = (await kind.settings()).DATABASE_URL!
  const child = await startChild({ DATA_DIR: temporaryFolder(), DATABASE_URL, CHAOS_TOKEN })
  expect((await fetch(`${child.base}/chaos`, { method: 'POST', headers: token })).status).toBe(204)
  expect(await child.exited).toBe(75)
  const sql = postgres(DATABASE_URL, { max: 1 })
  const [entry] = await sql`select details from events where event_type = 'chaos_armed'`
  await sql.end()
  expect(entry!.details).toMatchObject({ fault: 'kill', request_id: expect.any(String) })
})
