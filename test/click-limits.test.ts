// Links with max_clicks: three real replicas on one PostgreSQL, of which some are killed, and whose database stops, moves or forgets. A ledger
// counts what visitors were answered: never more redirects than the limit, and in the end exactly as many.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { type Child, startChild } from './child.ts'
import { openPair } from './pair.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/click-limits.test.ts (PostgreSQL is not installed)')

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }
const original_url = 'https://example.com/limited'

/** What one visit was answered: its status, or 0 if the connection ended. */
async function visit({ base }: Pick<Child, 'base'>, code: string, headers: Record<string, string> = BROWSER): Promise<number> {
  try {
    return (await fetch(`${base}/${code}`, { redirect: 'manual', headers })).status
  } catch {
    return 0
  }
}

/** Answers by status. */
type Ledger = Record<number, number>
const count = (ledger: Ledger, status: number) => {
  ledger[status] = (ledger[status] ?? 0) + 1
}

/** `visitors` at a time visit the replicas in turn until `isOver`. A connection that ended may have been a redirect that nobody saw. */
async function crowd(replicas: () => Child[], code: string, visitors: number, ledger: Ledger, isOver: () => boolean) {
  const one = async (n: number) => {
    for (let turn = n; !isOver(); turn++) {
      const here = replicas()
      const status = await visit(here[turn % here.length]!, code)
      count(ledger, status)
      if (status !== 302) await Bun.sleep(20)
    }
  }
  await Promise.all(Array.from({ length: visitors }, (_, n) => one(n)))
}

describe.skipIf(!installed)('three replicas', () => {
  let cluster: Cluster
  let replicas: Child[]
  const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
  let url: string
  const start = (folder: string) => startChild({ DATA_DIR: folder, DATABASE_URL: url, AUTH: 'off', LOG_LEVEL: 'fatal' })
  const make = async (short_code: string, rules: object) => {
    const { status, body } = await replicas[0]!.call('POST', '/urls', { original_url, short_code, ...rules })
    expect(status).toBe(201)
    for (const replica of replicas)
      await until(`every replica knows ${short_code}`, async () => (await replica.call('GET', `/${short_code}+`)).status === 200)
    return body.id as number
  }
  const link = async (id: number) => (await replicas[0]!.call('GET', `/urls/${id}`)).body

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    replicas = [await start(folders[0]!)]
    replicas.push(...(await Promise.all([start(folders[1]!), start(folders[2]!)])))
  })
  afterAll(async () => {
    for (const replica of replicas ?? []) replica.kill('SIGKILL')
    await cluster?.end()
  })

  test('redirect as often as the limit says, with many visitors at once', async () => {
    const id = await make('exact', { max_clicks: 300 })
    const ledger: Ledger = {}
    await crowd(
      () => replicas,
      'exact',
      24,
      ledger,
      () => (ledger[410] ?? 0) > 100,
    )
    expect(ledger[302]).toBe(300)
    expect(Object.keys(ledger).filter((status) => !['302', '410', '503'].includes(status))).toEqual([])
    await until('all clicks are stored', async () => (await link(id)).click_count === 300)
    expect(await link(id)).toMatchObject({ state: 'used_up', clicks_left: 0, max_clicks: 300 })
  })

  test('spend nothing on bots, HEAD and prefetches', async () => {
    const id = await make('careful', { max_clicks: 1 })
    for (const headers of [{ 'user-agent': 'Slackbot-LinkExpanding 1.0' }, { ...BROWSER, 'sec-purpose': 'prefetch' }])
      expect(await visit(replicas[1]!, 'careful', headers)).not.toBe(302)
    const head = await fetch(`${replicas[1]!.base}/careful`, { method: 'HEAD', headers: BROWSER, redirect: 'manual' })
    expect([head.status === 302, head.headers.get('location')]).toEqual([false, null])
    expect((await replicas[0]!.call('GET', '/careful+')).body.original_url).toBeNull()
    expect((await link(id)).clicks_left).toBe(1)
    expect([await visit(replicas[1]!, 'careful'), await visit(replicas[2]!, 'careful')]).toEqual([302, 410])
  })

  test('work again when the limit is raised, or cleared; a lower one ends it', async () => {
    const id = await make('raised', { max_clicks: 2, expired_url: 'https://example.com/over' })
    const change = (max_clicks: number | null) => replicas[0]!.call('PATCH', `/urls/${id}`, { max_clicks })
    const places = async (n: number) => {
      const answers: string[] = []
      for (let i = 0; i < n; i++) {
        const answer = await fetch(`${replicas[0]!.base}/raised`, { redirect: 'manual', headers: BROWSER })
        answers.push(answer.headers.get('location')!.split('/').at(-1)!)
      }
      return answers
    }
    expect(await places(3)).toEqual(['limited', 'limited', 'over'])
    expect((await change(3)).body).toMatchObject({ state: 'active', clicks_left: 1 })
    expect(await places(2)).toEqual(['limited', 'over'])
    await change(1)
    expect(await places(1)).toEqual(['over'])
    expect((await change(null)).body).toMatchObject({ state: 'active', clicks_left: null })
    expect(await places(5)).toEqual(Array(5).fill('limited'))
    expect((await change(1)).body.clicks_left).toBe(1) // from now on
    expect(await places(2)).toEqual(['limited', 'over'])
  })

  test('are never exceeded while replicas are killed, whose leases are given back', async () => {
    const LIMIT = 4_000
    const id = await make('killed', { max_clicks: LIMIT })
    const ledger: Ledger = {}
    let going = true
    const visitors = crowd(
      () => replicas,
      'killed',
      12,
      ledger,
      () => !going,
    )
    for (const n of [1, 2]) {
      const before = ledger[302] ?? 0
      await until('the crowd goes on', () => (ledger[302] ?? 0) > before + 200)
      replicas[n]!.kill('SIGKILL')
      await replicas[n]!.exited
      replicas[n] = await start(folders[n]!)
    }
    // Until then, visitors may be told that it is used up: what the killed replicas had leased comes back when their clicks are stored.
    await until('every click is spent and stored', async () => (await link(id)).click_count === LIMIT)
    await until('it is known to be used up', async () => (await link(id)).state === 'used_up')
    going = false
    await visitors
    expect(ledger[302]).toBeLessThanOrEqual(LIMIT)
    expect(ledger[302]! + (ledger[0] ?? 0)).toBeGreaterThanOrEqual(LIMIT) // a connection that ended: its click may be recorded
    expect((await link(id)).click_count).toBe(LIMIT)
  })

  test('spend what they have leased while the database is stopped, then answer 503', async () => {
    const LIMIT = 2_000
    const id = await make('away', { max_clicks: LIMIT })
    const ledger: Ledger = {}
    for (const replica of replicas) for (let i = 0; i < 20; i++) count(ledger, await visit(replica, 'away'))
    expect(ledger).toEqual({ 302: 60 })
    await cluster.control!.stop('immediate')
    await crowd(
      () => replicas,
      'away',
      6,
      ledger,
      () => (ledger[503] ?? 0) >= 60,
    )
    expect(Object.keys(ledger)).toEqual(['302', '503'])
    expect(ledger[302]).toBeWithin(100, LIMIT)
    await cluster.control!.start()
    await crowd(
      () => replicas,
      'away',
      12,
      ledger,
      () => (ledger[410] ?? 0) > 20,
    )
    expect(ledger[302]).toBe(LIMIT)
    await until('all clicks are stored', async () => (await link(id)).click_count === LIMIT)
  })
})

describe.skipIf(!installed)('a primary whose standby missed some leases', () => {
  test('is replaced by it, and no limit is exceeded', async () => {
    const pair = await openPair()
    const urls = await pair.createDatabase()
    const on = async (at: string, ...statements: string[]) => {
      const sql = postgres(at, { max: 1, onnotice: () => {} })
      for (const statement of statements) await sql.unsafe(statement)
      await sql.end()
    }
    const folder = temporaryFolder()
    const start = (DATA_DIR: string) => startChild({ DATA_DIR, DATABASE_URL: urls.both, AUTH: 'off', LOG_LEVEL: 'fatal' })
    const first = await start(folder)
    const second = await start(temporaryFolder())
    const replicas = [first, second]
    try {
      const { body } = await first.call('POST', '/urls', { original_url, short_code: 'moved', max_clicks: 50 })
      for (const replica of replicas)
        await until('both know it', async () => (await replica.call('GET', '/moved+')).status === 200)
      await on(urls.first, "alter system set synchronous_standby_names = ''", 'select pg_reload_conf()')
      await on(urls.second, "alter system set primary_conninfo = ''", 'select pg_reload_conf()')
      const ledger: Ledger = {}
      await until('the standby is cut off', async () => {
        const sql = postgres(urls.first, { max: 1, onnotice: () => {} })
        const standbys = await sql`select from pg_stat_replication`
        await sql.end()
        return standbys.length === 0
      })
      for (let i = 0; i < 20; i++) count(ledger, await visit(replicas[i % 2]!, 'moved'))
      expect(ledger).toEqual({ 302: 20 })
      pair.first.signal('SIGKILL')
      await pair.second.promote()
      await crowd(
        () => replicas,
        'moved',
        4,
        ledger,
        () => (ledger[410] ?? 0) > 10,
      )
      expect(ledger[302]).toBe(50)
      await until('all clicks are stored', async () => (await first.call('GET', `/urls/${body.id}`)).body?.click_count === 50)
    } finally {
      for (const replica of replicas) replica.kill('SIGKILL')
      await pair.end()
    }
  })
})
