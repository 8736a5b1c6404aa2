// Replicas find each other through the database and ask each other over HTTP: three real processes on one real PostgreSQL, of which one is
// killed, one is stopped, and whose database goes away.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, mock, spyOn, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { externalAddress as outsideOf } from '../src/database/address.ts'
import { advertisedUrl } from '../src/fleet/address.ts'
import { followClock } from '../src/fleet/clock.ts'
import { createBeatTimes } from '../src/fleet/overdue.ts'
import { createSigner } from '../src/fleet/signature.ts'
import { startChild } from './child.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'
import { exchange } from './wire.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/fleet.test.ts (PostgreSQL is not installed)')

const ADMIN_TOKEN = 'an-operators-long-token'
const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` }
const GONE = '00000000-0000-7000-8000-00000000000'

type Child = Awaited<ReturnType<typeof startChild>>
type Replica = { id: string; slot: number; url: string; state: string; seen_at: string; self?: boolean; rate: number }

async function get(base: string, path: string, headers: Record<string, string> = BEARER) {
  const response = await fetch(base + path, { headers, redirect: 'manual' })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

const fleetOf = async ({ base }: Pick<Child, 'base'>): Promise<Replica[]> => (await get(base, '/api/fleet')).body.replicas
const overviewOf = async ({ base }: Pick<Child, 'base'>, query = '?window=60&replica=all') =>
  (await get(base, `/api/overview${query}`)).body
/** What a failure should show of an overview. */
const brief = ({ asked, answered, troubles }: any) => ({ asked, answered, troubles })
const states = async (child: Child) => (await fleetOf(child)).map(({ state }) => state).sort()

describe('the clock that all replicas share', () => {
  test('is the database’s, whatever is done to this machine’s, and says when that is off, once', () => {
    const said: unknown[] = []
    const take = (level: string) => (fields: unknown) => said.push([level, fields])
    let ahead = 0 // ms that this machine's clock is
    const clock = followClock({ warn: take('warn'), info: take('info') }, 5, () => Date.now() + ahead)
    expect(clock.offset()).toBe(0) // nobody told the time yet
    const truth = Date.now()
    const began = performance.now()
    const tell = () => clock.learn(truth + performance.now() - began, performance.now())
    tell()
    tell()
    ahead = -3_600_000
    expect(clock.offset()).toBeWithin(-3_601, -3_599) // also before the database tells again
    expect(clock.now()).toBeWithin(truth, truth + 10_000)
    tell()
    expect([clock.lasting(), said]).toEqual([expect.closeTo(0, 0), []]) // once is no sign
    tell()
    expect(clock.lasting()).toBeWithin(-3_601, -3_599)
    tell()
    ahead = 0
    expect(clock.lasting()).toBeCloseTo(0, 0)
    tell()
    ahead = 3_600_000
    tell()
    ahead = -3_600_000
    tell()
    expect(clock.lasting()).toBe(0) // two that do not agree
    ahead = 0
    expect(said).toMatchObject([
      ['warn', { offset_seconds: expect.any(Number) }],
      ['info', { offset_seconds: expect.any(Number) }],
    ])
  })

  test('times what one replica asks of another, so that a wrong clock leaves no replica out', () => {
    const SELF = `${GONE}1`
    const signerAt = (off: number) => {
      const clock = followClock({ warn() {}, info() {} }, 5)
      clock.learn(Date.now() + off, performance.now())
      return createSigner({ ADMIN_TOKEN, FLEET_TOKEN: undefined }, () => 'secret', SELF, clock)
    }
    const PATH = '/api/fleet'
    const ask = (by: number, of: number) => {
      const request = new Request(`http://replica${PATH}`, { headers: signerAt(by).headers(SELF, PATH)! })
      return signerAt(of).principalOf(request, { peers: true }, (compare) => compare())
    }
    expect(ask(3_600_000, 3_600_000)).toMatchObject({ by: 'replica' })
    expect(() => ask(3_600_000, 0)).toThrow('the clocks of the replicas must agree')
  })
})

describe('a signature is valid once', () => {
  const SELF = `${GONE}1`
  const PATH = '/api/fleet'
  let time: number
  let passed: number
  const clock = { now: () => time }
  const signers = () => {
    const of = () => createSigner({ ADMIN_TOKEN, FLEET_TOKEN: undefined }, () => 'secret', SELF, clock)
    const [asks, answers] = [of(), of()]
    const sign = () => new Request(`http://replica${PATH}`, { headers: asks.headers(SELF, PATH)! })
    return { sign, answer: (request: Request) => answers.principalOf(request, { peers: true }, (compare) => compare()) }
  }
  beforeEach(() => {
    time = Date.now()
    passed = 0
    spyOn(performance, 'now').mockImplementation(() => passed)
  })
  afterEach(() => mock.restore())

  test('also if the database’s clock jumps ahead and back in the meantime', () => {
    const { sign, answer } = signers()
    const request = sign()
    expect(answer(request)).toMatchObject({ by: 'replica' })
    time += 3_600_000
    answer(sign())
    time -= 3_600_000
    expect(() => answer(request)).toThrow('was sent before')
  })

  test('and is forgotten once it has expired, also if that clock went back an hour', () => {
    const { sign, answer } = signers()
    for (let i = 0; i < 100_000; i++) answer(sign())
    expect(() => answer(sign())).toThrow('too many requests')
    time -= 3_600_000
    passed += 32_000
    expect(answer(sign())).toMatchObject({ by: 'replica' })
  })
})

describe('what a small change takes', () => {
  let now = 0
  beforeEach(() => {
    now = 0
    spyOn(performance, 'now').mockImplementation(() => now)
  })
  afterEach(() => mock.restore())

  /** ms that a beat took, `!ms` for a failed one, `?ms` for one in flight; `-` for none. */
  test.each<[string, string, number]>([
    ['nothing before there were three beats', '3 4', 0],
    ['the fastest of the last three', '1 9 7 8', 7],
    ['a beat in flight does not count before it took longer', '9 7 8 ?6', 7],
    ['nor is one that is a little slow', '9 7 8 ?300', 7],
    ['nor one that hangs: what froze is not slow', '9 7 8 ?2500', 8],
    ['also when it ended', '9 7 8 2500', 8],
    ['or failed', '9 7 8 !5000', 8],
    ['but the second that is slow is', '9 7 8 2500 900', 900],
    ['while it hangs, too', '9 7 8 2500 ?3000', 2_500],
    ['or failed late', '9 7 8 !5000 !5000', 5_000],
    ['until one is fast', '9 7 8 2500 2500 6', 6],
    ['after one that failed at once nothing is known', '9 7 8 !1', 0],
    ['nor is it while none is made', '9 7 8 -', 0],
    ['and what was before is no news after', '9 7 8 - 5 6', 0],
  ])('is %s: %s', (_, beats, took) => {
    const beatTimes = createBeatTimes(1_000)
    for (const [, how, ms] of beats.matchAll(/([!?-]?)(\d*)/g)) {
      if (how === '-') beatTimes.rests()
      if (!ms) continue
      beatTimes.begins()
      now += Number(ms)
      if (how !== '?') beatTimes.ends(how !== '!')
    }
    expect(beatTimes.took()).toBe(took)
  })
})

describe('the address that is advertised to others', () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address
  const database = (url: string) => outsideOf({ DATABASE_URL: url })

  test.each([
    [{ ADVERTISE_URL: 'https://one.internal:8443/' }, 'postgres://db/x', 'https://one.internal:8443'],
    [{ HOST: '10.0.0.5' }, 'postgres://db/x', 'http://10.0.0.5:81'],
    [{ HOST: '::1' }, 'postgres://db/x', 'http://[::1]:81'],
    ...(outside
      ? [
          [{ HOST: '0.0.0.0' }, `postgres://me:pw@${outside}:5432/x`, `http://${outside}:81`],
          [{ HOST: '::' }, 'postgres://127.0.0.1/x', `http://${outside}:81`],
          [{ HOST: '0.0.0.0' }, 'postgres://no-such-host.invalid,other/x', `http://${outside}:81`],
        ]
      : []),
  ] as [Record<string, string>, string, string][])('%p with the database at %s: %s', async (settings, url, address) => {
    expect(await advertisedUrl(readConfig(settings, {}), 81, database(url))).toBe(address)
  })
})

describe.skipIf(!installed)('a fleet', () => {
  let cluster: Cluster
  let database: string
  let sql: Sql
  const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
  const children: Child[] = []
  const ended = new Set<number>() // the places of those that a test ended
  /** Where everything would go that a proxy of the environment is asked for. */
  let proxied = 0
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch() {
      proxied++
      return new Response('{}')
    },
  })

  const start = (place: number, env: Record<string, string> = {}) =>
    startChild({
      DATABASE_URL: database,
      DATA_DIR: folders[place]!,
      ADMIN_TOKEN,
      RATE_SIGN_IN: 'off',
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      http_proxy: `http://127.0.0.1:${proxy.port}`,
      ...env,
    })
  /** Until each knows the other two as ready: by their ids, because one that has just left looks ready until the next heartbeat. */
  const whole = () =>
    until('all three are ready, to each of them', async () => {
      const fleets = await Promise.all(children.map(fleetOf))
      const ids = fleets.map(([self]) => self!.id).sort()
      const readyIn = (fleet: Replica[]) =>
        fleet
          .filter(({ state }) => state === 'ready')
          .map(({ id }) => id)
          .sort()
      return fleets.every((fleet) => fleet.length === 3 && Bun.deepEquals(readyIn(fleet), ids))
    })
  const idOf = async (child: Child) => (await fleetOf(child))[0]!.id
  async function end(place: number, signal: NodeJS.Signals) {
    ended.add(place)
    children[place]!.kill(signal)
    await children[place]!.exited
  }
  async function startAgain(place: number, env?: Record<string, string>) {
    children[place] = await start(place, env)
    ended.delete(place)
  }
  /** Every test begins with three replicas that know each other, whatever the one before it did to them. */
  async function complete() {
    await sql`delete from replicas where place = 'nowhere'`
    for (const place of ended) await startAgain(place)
    await whole()
  }

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    database = await cluster.createDatabase()
    sql = postgres(database, { max: 1, onnotice: () => {} })
    children.push(await start(0), ...(await Promise.all([start(1), start(2)])))
  })
  beforeEach(complete)
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await sql?.end()
    await cluster?.end()
    proxy.stop(true)
  })

  test('finds its replicas', async () => {
    const lists = await Promise.all(children.map(fleetOf))
    for (const [place, list] of lists.entries()) {
      expect(list[0]).toMatchObject({ self: true, url: children[place]!.base, slot: 0 })
      expect(list.slice(1).some(({ self }) => self)).toBe(false)
      expect(list.map(({ url }) => url).sort()).toEqual(children.map(({ base }) => base).sort())
    }
    expect(new Set(lists.flat().map(({ id }) => id)).size).toBe(3)
  })

  test('shows no replica as lost that is alive', async () => {
    for (let i = 0; i < 60; i++) {
      expect((await fleetOf(children[i % 3]!)).filter(({ state }) => state !== 'ready')).toEqual([])
      await Bun.sleep(100)
    }
  })

  describe('gathers', () => {
    const redirects = [30, 20, 10] // of each replica
    let from: number
    beforeAll(async () => {
      await complete()
      from = Math.floor(Date.now() / 1000)
      await fetch(`${children[0]!.base}/urls`, {
        method: 'POST',
        headers: { ...BEARER, 'content-type': 'application/json' },
        body: JSON.stringify({ original_url: 'https://example.com/', short_code: 'known' }),
      })
      for (const { base } of children)
        await until('the replica knows the link', async () => (await get(base, '/known+', {})).status === 200)
      for (const [place, count] of redirects.entries())
        for (let i = 0; i < count; i++) expect((await get(children[place]!.base, '/known', {})).status).toBe(302)
      await until('they are in the samples', async () => Bun.deepEquals(await counted(), redirects))
    })
    const now = () => Math.floor(Date.now() / 1000)
    /** How many redirects each replica has samples of. */
    const counted = () =>
      Promise.all(
        children.map(async ({ base }) => {
          const { columns, rows } = (await get(base, `/api/overview/samples?from=${from}&to=${now()}`)).body
          return rows.reduce((sum: number, row: number[]) => sum + row[columns.indexOf('3xx') + 1]!, 0)
        }),
      )

    test('the figures of all replicas, joined by time', async () => {
      expect(await counted()).toEqual(redirects)
      const to = now()
      const rates = ({ samples }: any): Map<number, number> =>
        new Map(samples.time.map((second: number, i: number) => [second, samples.redirects[i]]))
      const alone = (await Promise.all(children.map((child) => overviewOf(child, '?window=60')))).map(rates)
      for (const child of children) {
        const joined = await overviewOf(child)
        expect(brief(joined)).toMatchObject({ asked: 3, answered: 3 })
        for (const [second, rate] of rates(joined))
          if (second < to)
            expect(rate).toBeCloseTo(
              alone.reduce((sum, one) => sum + (one.get(second) ?? 0), 0),
              0,
            )
        expect(joined.replicas.map(({ now }: any) => now.phase)).toEqual(['ready', 'ready', 'ready'])
        const time: number[] = joined.samples.time
        expect(time).toEqual(time.toSorted((a, b) => a - b))
        expect(new Set(time).size).toBe(time.length)
      }
    })

    test('those of one other replica', async () => {
      const other = await idOf(children[1]!)
      const { replica, samples, asked, answered } = await overviewOf(children[0]!, `?window=900&replica=${other}`)
      expect([replica.id, asked, answered]).toEqual([other, 1, 1])
      expect(Math.max(...samples.redirects)).toBeGreaterThan(0)
    })

    test('each second, as a stream that any replica can continue', async () => {
      const open = (child: Child, last = '') =>
        fetch(`${child.base}/api/overview/stream?replica=all`, {
          headers: { ...BEARER, accept: 'text/event-stream', ...(last && { 'last-event-id': last }) },
        })
      async function read(response: Response, enough: number) {
        const seen: any[] = []
        let rest = ''
        for await (const text of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
          const lines = (rest + text).split('\n')
          rest = lines.pop()!
          seen.push(...lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6))))
          if (seen.length >= enough) break
        }
        return seen
      }
      const first = await read(await open(children[0]!), 3)
      expect(first.at(-1)).toMatchObject({ asked: 3, answered: 3 })
      expect(first.at(-1).replicas.map(({ now }: any) => now.phase)).toEqual(['ready', 'ready', 'ready'])
      const last: number = first.at(-1).sample.time
      await Bun.sleep(2_000)
      const next = await read(await open(children[1]!, String(last)), 4)
      expect(next.slice(0, 4).map(({ sample }) => sample.time)).toEqual([1, 2, 3, 4].map((i) => last + i))
      // The samples that were resumed are of all three too: more memory than one process has.
      const alone = (await overviewOf(children[0]!, '?window=60')).now.memory.rss
      expect(next[0].sample.rss).toBeGreaterThan(alone * 2)
    })
  })

  describe('a request of one replica to another', () => {
    let to: { id: string; base: string }
    let secret: string
    const PATH = '/api/overview/samples?from=0&to=1'
    beforeAll(async () => {
      to = { id: await idOf(children[0]!), base: children[0]!.base }
      secret = (await sql`select encode(session_secret, 'hex') as secret from policy`)[0]!.secret
    })
    const signer = (admin = ADMIN_TOKEN, shared = secret, ahead = 0) =>
      createSigner({ ADMIN_TOKEN: admin, FLEET_TOKEN: undefined }, () => shared, GONE, { now: () => Date.now() + ahead })
    const signed = (id = to.id, path = PATH) => signer().headers(id, path)!
    const at = (ms: number) => signer(undefined, undefined, ms).headers(to.id, PATH)!
    const ask = (path: string, headers: Record<string, string>) => get(to.base, path, headers)

    test('is answered when it is signed with what they share', async () => {
      expect((await ask(PATH, signed())).status).toBe(200)
      expect((await ask('/api/fleet', signed(to.id, '/api/fleet'))).status).toBe(200)
      for (const skew of [-25_000, 25_000]) expect((await ask(PATH, at(skew))).status).toBe(200)
    })

    test.each<[string, () => Record<string, string>, string, number]>([
      ['none', () => ({}), PATH, 401],
      ['made up', () => ({ 'X-Waypost-Fleet': `v1 ${to.id} ${Date.now()} ${'0'.repeat(32)} ${'A'.repeat(43)}` }), PATH, 401],
      ['of another shape', () => ({ 'X-Waypost-Fleet': 'let me in' }), PATH, 401],
      ['with another ADMIN_TOKEN', () => signer('another-operators-token').headers(to.id, PATH)!, PATH, 401],
      ['with another database’s secret', () => signer(ADMIN_TOKEN, 'ff'.repeat(32)).headers(to.id, PATH)!, PATH, 401],
      ['for another path', () => signed(to.id, '/api/fleet'), PATH, 401],
      ['for another query', () => signed(), `${PATH}0`, 401],
      ['for another replica', () => signed(`${GONE}1`), PATH, 403],
      ['31 s old', () => at(-31_000), PATH, 401],
      ['of 31 s later', () => at(31_000), PATH, 401],
      ['to ask others', () => signed(to.id, '/api/fleet?replica=all'), '/api/fleet?replica=all', 403],
    ])('is refused when the signature is %s', async (_, headers, path, status) => {
      const answer = await ask(path, headers())
      expect([answer.status, answer.body.replicas]).toEqual([status, undefined])
    })

    test('is refused when it comes again', async () => {
      const headers = signed()
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(PATH, headers)))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401])
    })

    test('reaches nothing but what is for replicas, and only by GET', async () => {
      for (const path of [
        '/urls',
        '/users',
        '/events',
        '/api/keys',
        '/metrics',
        '/api/overview?replica=all',
        '/api/session',
        '/chaos',
      ])
        expect([path, (await ask(path, signed(to.id, path))).body?.by ?? 401]).toEqual([
          path,
          path === '/api/session' ? 'nobody' : 401,
        ])
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']) {
        const header = Object.entries(signed()).map(([name, value]) => `${name}: ${value}`)
        const request = [`${method} ${PATH} HTTP/1.1`, 'Host: localhost', ...header, 'Content-Length: 0', '', ''].join('\r\n')
        const { status } = await exchange(children[0]!.port, request)
        expect([method, status]).toEqual([method, 401])
      }
    })

    test('leaves no line in the log, a refused one does', async () => {
      await ask(PATH, { ...signed(), 'X-Request-Id': 'of-a-replica-good' })
      await ask(PATH, { 'X-Waypost-Fleet': 'let me in', 'X-Request-Id': 'of-a-replica-bad' })
      const { logs } = (await get(to.base, '/logs?filter=of-a-replica')).body
      expect(logs.map(({ request_id }: any) => request_id)).toEqual(['of-a-replica-bad'])
    })

    test('tells a false address nothing that a replica would take', async () => {
      const heard: { path: string; header: string | null; bearer: string | null }[] = []
      const stranger = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: ({ url, headers }) => {
          const { pathname, search } = new URL(url)
          heard.push({ path: pathname + search, header: headers.get('X-Waypost-Fleet'), bearer: headers.get('authorization') })
          return new Response(null, { status: 302, headers: { location: `${to.base}/api/fleet` } })
        },
      })
      await sql`
        insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at)
        values (${`${GONE}2`}, 'nowhere', 0, ${hostname()}, ${`http://127.0.0.1:${stranger.port}`}, '9', 'ready', 0, now())`
      await until('it is listed', async () => (await fleetOf(children[1]!)).length === 4)
      const overview = await overviewOf(children[1]!)
      expect(brief(overview)).toMatchObject({ asked: 4, answered: 3 })
      expect(overview.troubles.join()).toContain('Not included in the charts: it answered 302')
      await until('it was asked', () => heard.length > 0)
      for (const { path, header, bearer } of heard) {
        expect(bearer).toBeNull()
        expect((await ask(path, { 'X-Waypost-Fleet': header! })).status).toBe(403)
      }
      stranger.stop(true)
      await sql`delete from replicas where id = ${`${GONE}2`}`
      await whole()
    })
  })

  test('shows a replica that was killed as lost, and answers without it', async () => {
    const killed = await idOf(children[2]!)
    await end(2, 'SIGKILL')
    const lost = (child: Child) => async () => (await fleetOf(child)).some(({ id, state }) => id === killed && state === 'lost')
    for (const child of children.slice(0, 2)) await until('it is lost', lost(child))
    const overview = await overviewOf(children[0]!)
    expect(brief(overview)).toMatchObject({ asked: 3, answered: 2 })
    expect(overview.troubles.join()).toMatch(/: Stopped responding at \d{4}-\S+Z\. /)
    expect((await get(children[0]!.base, `/api/overview?replica=${killed}`)).status).toBe(503)
  })

  test('has a row for a day of one that is lost, and none when it starts again where it ran', async () => {
    const row = (id: string, ago: string) => sql`
      insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at, seen_at)
      values (${id}, 'nowhere', 0, 'gone', 'http://127.0.0.1:9', '9', 'ready', 0, now(), now() - ${ago}::interval)`
    await end(2, 'SIGKILL')
    await until('it is lost', async () => (await states(children[0]!)).includes('lost'))
    await row(`${GONE}3`, '23 hours')
    await row(`${GONE}4`, '25 hours')
    await startAgain(2)
    await until('three are ready', async () => (await states(children[0]!)).filter((state) => state === 'ready').length === 3)
    await until('the older row is deleted', async () => (await fleetOf(children[0]!)).every(({ id }) => id !== `${GONE}4`))
    const list = await fleetOf(children[0]!)
    expect(list.filter(({ state }) => state !== 'ready').map(({ id, state }) => [id, state])).toEqual([[`${GONE}3`, 'lost']])
    await until('it is not asked any more, and nothing is wrong', async () => {
      const { asked, answered, troubles } = await overviewOf(children[0]!)
      return asked === 3 && answered === 3 && troubles.length === 0
    })
    const missed = async () => (await get(children[0]!.base, '/alert-status')).body.replica_lost.value
    await until('one is missed', async () => (await missed()) === 1) // and not the one that was killed: it is back
    await sql`delete from replicas where id = ${`${GONE}3`}`
    await until('none is missed', async () => (await missed()) === 0)
  })

  test('responds within its deadline while a replica hangs, then without waiting for it, and includes it again when it continues', async () => {
    let asked = 0
    const counting = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch({ url, headers }) {
        asked++
        const { pathname, search } = new URL(url)
        return fetch(children[2]!.base + pathname + search, { headers })
      },
    })
    const answer = async (hung: string) => {
      const before = asked
      const { asked: all, answered, replicas, samples } = await overviewOf(children[0]!)
      const { unanswered } = replicas.find(({ id }: Replica) => id === hung)
      return { counts: [all, answered], unanswered, figures: samples.time.length > 0, waited: asked > before }
    }
    const without = { counts: [3, 2], unanswered: 'it gave no answer within 1 s', figures: true }
    await end(2, 'SIGTERM')
    try {
      await startAgain(2, { ADVERTISE_URL: `http://127.0.0.1:${counting.port}` })
      await whole()
      await until('there are figures', async () => (await overviewOf(children[0]!)).samples.time.length > 0)
      const hung = await idOf(children[2]!)
      children[2]!.kill('SIGSTOP')
      expect(await answer(hung)).toEqual({ ...without, waited: true })
      await until('it is lost', async () => (await states(children[0]!)).includes('lost'))
      await until('it is not asked', async () => Bun.deepEquals(await answer(hung), { ...without, waited: false }))
      children[2]!.kill('SIGCONT')
      await whole()
      await until('it answers', async () => (await overviewOf(children[0]!)).answered === 3)
    } finally {
      children[2]!.kill('SIGCONT')
      await end(2, 'SIGTERM')
      await counting.stop(true)
    }
  })

  test('asks those it knew last while the database is unreachable, and knows how they are', async () => {
    await cluster.control!.stop('immediate')
    try {
      let seen: Replica[] = []
      await until(
        () => `they are degraded: ${JSON.stringify(seen)}`,
        async () => (seen = await fleetOf(children[0]!)).every(({ state }) => state === 'degraded'),
      )
      await Bun.sleep(5_000) // longer than a silence may last
      expect(await states(children[1]!)).toEqual(['degraded', 'degraded', 'degraded'])
      const overview = await overviewOf(children[2]!)
      expect(brief(overview)).toMatchObject({ asked: 3, answered: 3 })
      expect(overview.troubles.join()).toMatch(/database has been unreachable since/)
    } finally {
      await cluster.control!.start()
    }
    await whole() // a crash empties the table: each says again that it is there
  })

  test('learns from a replica that it leaves', async () => {
    await end(2, 'SIGTERM')
    await until('two are left', async () => (await fleetOf(children[0]!)).length === 2)
    const { asked, answered, troubles } = await overviewOf(children[0]!)
    expect([asked, answered]).toEqual([2, 2])
    expect(troubles.filter((trouble: string) => /Stopped responding/.test(trouble))).toEqual([])
  })

  test('signs with FLEET_TOKEN where it is set, and says which replica has another', async () => {
    await end(2, 'SIGTERM')
    await startAgain(2, { FLEET_TOKEN: 'a-token-that-is-only-mine' })
    try {
      const stranger = await idOf(children[2]!)
      await until('they know each other', async () => (await fleetOf(children[0]!)).some(({ id }) => id === stranger))
      const overview = await overviewOf(children[0]!)
      expect(brief(overview)).toMatchObject({ asked: 3, answered: 2 })
      expect(overview.troubles.join()).toContain('FLEET_TOKEN, or without it ADMIN_TOKEN, must be the same on all replicas')
      const { logs } = (await get(children[0]!.base, '/logs?filter=refuses')).body
      expect(logs.filter(({ replica }: any) => replica === stranger)).toMatchObject([{ level: 'warn' }])
    } finally {
      await end(2, 'SIGTERM')
    }
  })

  test('is no place for open mode: the younger of two gives up, and says why', async () => {
    const DATABASE_URL = await cluster.createDatabase()
    const folder = temporaryFolder()
    const said = join(folder, 'said')
    const first = await startChild({ DATABASE_URL, DATA_DIR: temporaryFolder() })
    const second = await startChild({ DATABASE_URL, DATA_DIR: folder }, 'ready', said)
    expect(await second.exited).toBe(1)
    expect(readFileSync(said, 'utf8')).toContain('set ADMIN_TOKEN for both')
    expect((await first.call('GET', '/ready')).status).toBe(200)
    first.kill('SIGTERM')
    expect(await first.exited).toBe(0)
  })

  test('asks nothing by way of the environment’s proxy', async () => {
    await until('the others answer', async () => (await overviewOf(children[0]!)).answered === 3)
    expect(proxied).toBe(0)
  })
})
