// Everything that counts clicks, at the same links at a time: nobody waits in a circle, and the sums come out. On a real PostgreSQL.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { rollUp } from '../src/clicks/roll-up.ts'
import { storeClicks, watermarkOf } from '../src/clicks/store.ts'
import { readConfig } from '../src/config/config.ts'
import { migrate } from '../src/database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../src/database/open.ts'
import { eventStore } from '../src/events/store.ts'
import { inMemory } from '../src/import/csv-file.ts'
import { eventSource } from '../src/import/events.ts'
import { importFile } from '../src/import/load.ts'
import type { Click } from '../src/journal/journal-format.ts'
import { continueErasures, purgeLink } from '../src/links/erase.ts'
import { randomFrom } from '../survive/random.ts'
import { ALL_EVENTS, countAll } from './counting.ts'
import { quiet } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { printedSeed } from './seed.ts'

const FOR = 5_000
const LINKS = 5 // few, so that everybody is at the same
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1',
  'curl/8.0',
]
const BROWSERS = ['Chrome', 'Firefox', 'Safari', 'Unknown']

const installed = Boolean(serverBinaries())
if (!installed)
  console.warn('SKIPPED: clicks stored, posted, deleted, imported and purged at a time (PostgreSQL is not installed)')

const random = randomFrom(printedSeed('contention'))
const any = random.of

describe.skipIf(!installed)('clicks of the same links', () => {
  let cluster: Cluster
  let url: string
  let sql: Sql
  let database: OpenDatabase
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
  })
  beforeEach(async () => {
    url = await cluster.createDatabase()
    sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set deadlock_timeout = '20ms'`) // found sooner, so there are more
    const config = readConfig({ DATA_DIR: temporaryFolder(), DATABASE_URL: url, DATABASE_POOL: '20' }, {})
    database = await openDatabase(config, quiet().log)
    await new Promise<void>((up) => database.onUp(up))
    await migrate(database, quiet().log)
  })
  afterEach(async () => {
    await database.close()
    await sql.end()
  })
  afterAll(() => cluster.end())

  async function make(): Promise<number> {
    const code = Bun.randomUUIDv7()
    const [row] = await sql`insert into urls (short_code, original_url) values (${code}, 'https://example.com/') returning id`
    return Number(row!.id)
  }

  test('stored by two replicas, posted, deleted, imported and purged at a time never deadlock, and add up', async () => {
    const events = eventStore(database)
    const links: number[] = []
    const purged: number[] = []
    for (let n = 0; n < LINKS; n++) links.push(await make())

    const done = { batches: 0, counted: 0, posted: 0, deleted: 0, imported: 0, purged: 0, erased: 0 }
    const failures: string[] = []
    const until = Date.now() + FOR
    async function again(name: keyof typeof done, work: () => Promise<unknown>) {
      while (Date.now() < until) {
        try {
          await work()
          done[name]++
        } catch (error) {
          const { message, cause, status } = error as Error & { status?: number }
          if (status !== 404) failures.push(`${name}: ${message} ${(cause as Error | undefined)?.message ?? ''}`) // 404: purged in the meantime
        }
      }
    }

    async function replica() {
      const journalId = Bun.randomUUIDv7()
      const { watermark } = await watermarkOf(database, journalId)
      let last = watermark
      await again('batches', async () => {
        const clicks: Click[] = Array.from({ length: 20 + random.whole(0, 99) }, (_, i) => ({
          sequence: last + i + 1,
          linkId: any(links),
          time: Date.now() - random.whole(0, 3_600_000),
          referrer: any(['', 'a.example', 'b.example', `${random.whole(0, 49)}.example`]),
          userAgent: any(AGENTS),
          address: '',
        }))
        await storeClicks(database, journalId, last, clicks, (time) => time)
        last = clicks.at(-1)!.sequence
      })
    }

    const posted: number[] = []
    const post = () =>
      again('posted', async () => {
        const details = {
          browser: any(BROWSERS),
          system: 'Linux',
          device: any(['Desktop', 'Mobile']),
          referrer: `https://${any(['a', 'b'])}.example/x`,
        }
        const { id } = await events.create({ event_type: 'click', url_id: any(links), details }, undefined, { by: 'open' })
        posted.push(id)
      })
    const unpost = () =>
      again('deleted', async () => {
        if (posted.length > 0 && random.next() < 0.5)
          return events.delete(posted.splice(random.whole(0, posted.length - 1), 1)[0]!, undefined, true)
        const found = await database.run(
          (pool) => pool<{ id: number }[]>`
            select id from (select id, url_id from events union all select id, url_id from clicks) as both_kinds
            where url_id = ${any(links)} order by id desc limit 20`,
        )
        if (found.length > 0) await events.delete(any([...found]).id, undefined, true)
      })
    let files = 0
    const load = () =>
      again('imported', async () => {
        const file = ++files
        const rows = Array.from({ length: 60 }, (_, i) => {
          const at = new Date(Date.now() - random.whole(0, 3_600_000)).toISOString()
          return `${any(links)},click,${at},"{""referrer"": ""https://${any(['a', 'b', 'c'])}.example/"", ""n"": ${file * 1000 + i}}"`
        })
        await importFile(
          database,
          eventSource,
          inMemory(new TextEncoder().encode(`url_id,event_type,timestamp,details\n${rows.join('\n')}\n`)),
        )
      })
    const purge = () =>
      again('purged', async () => {
        await Bun.sleep(50)
        links.push(await make())
        const [id] = links.splice(0, 1)
        purged.push(id!)
        await purgeLink(database, id!, undefined, { by: 'open' })
      })
    const erase = () => again('erased', () => continueErasures(database))

    const [count, countToo] = [1, 2].map(() =>
      rollUp(
        { ...database, onUp: () => {} },
        () => false,
        async () => {},
      ),
    ) as [() => Promise<number>, () => Promise<number>]
    const roll = () => again('counted', async () => void (await Promise.all([count(), countToo()])))

    await Promise.all([
      replica(),
      replica(),
      replica(),
      post(),
      post(),
      unpost(),
      unpost(),
      load(),
      load(),
      purge(),
      erase(),
      erase(),
      roll(),
      roll(),
    ])
    await countAll(database)
    while ((await sql`select from erasures`).count > 0) await continueErasures(database)
    await database.close()
    // A session hands in what it counted when it ends.
    while ((await sql`select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`).count > 0)
      await Bun.sleep(20)

    const [{ deadlocks }] = await sql<
      [{ deadlocks: string }]
    >`select deadlocks from pg_stat_database where datname = current_database()`
    expect({ deadlocks: Number(deadlocks), failures: [...new Set(failures)] }).toEqual({ deadlocks: 0, failures: [] })
    for (const [name, count] of Object.entries(done)) expect([name, count > 5]).toEqual([name, true])

    const wrong = await sql`
      with counted as (
        select url_id, count(*) as clicks, count(*) filter (where details @> '{"bot": true}' and id >= event_id_at('2025-01-01')) as bots,
          count(*) filter (where details ? 'browser') as browsers, count(*) filter (where details ? 'referrer') as referrers
        from ${sql.unsafe(ALL_EVENTS)} where event_type = 'click' group by 1),
      series as (select url_id, sum(clicks) as clicks, sum(bots) as bots from click_series group by 1),
      breakdowns as (
        select url_id, sum(clicks) filter (where dimension = 'browser') as browsers, sum(clicks) filter (where dimension = 'referrer') as referrers
        from click_breakdowns group by 1)
      select url_id, to_jsonb(c) as events, to_jsonb(t) as totals, to_jsonb(s) as series, to_jsonb(b) as breakdowns
      from counted c full join link_totals t using (url_id) full join series s using (url_id) full join breakdowns b using (url_id)
      where (c.clicks, c.bots, c.browsers, c.referrers) is distinct from (t.clicks, t.bots, b.browsers, b.referrers)
        or (c.clicks, c.bots) is distinct from (s.clicks, s.bots) or url_id = any (${purged}::bigint[])`
    expect([...wrong]).toEqual([])
    const [sum] = await sql`select coalesce(sum(clicks), 0)::int as clicks from link_totals`
    expect(sum!.clicks).toBeGreaterThan(100)
  })

  test('of a batch in flight, for a link that is purged in the meantime, are erased too, however late', async () => {
    const [gone, stays] = [await make(), await make()]
    const journalId = Bun.randomUUIDv7()
    await watermarkOf(database, journalId)
    await sql`insert into link_totals (url_id) values (${stays})`
    const clicks = [gone, stays].map((linkId, i) => ({
      sequence: i + 1,
      linkId,
      time: Date.now(),
      referrer: '',
      userAgent: '',
      address: '',
    }))
    const left = async () => (await sql`select from ${sql.unsafe(ALL_EVENTS)} where url_id = ${gone}`).count

    const [purging, elsewhere] = [1, 2].map(() => postgres(url, { max: 1, onnotice: () => {} })) as [
      Parameters<Parameters<OpenDatabase['run']>[0]>[0],
      Sql,
    ]
    // The purge is running when the batch begins, which then waits for a lock on the other link: its transaction is younger, and does not see the purge.
    await purging`begin`
    await purging`select pg_current_xact_id()`
    await elsewhere`begin`
    await elsewhere`select from link_totals where url_id = ${stays} for update`
    const stored = storeClicks(database, journalId, 0, clicks, (time) => time)
    while ((await sql`select from pg_locks where not granted`).count === 0) await Bun.sleep(5)
    await purgeLink({ ...database, run: async (work) => work(purging) }, gone, undefined, { by: 'open' })
    await purging`commit`
    for (let look = 0; look < 5; look++) await continueErasures(database)
    expect((await sql`select from erasures`).count).toBe(1) // the batch may still write
    await elsewhere`commit`
    expect(await stored).toEqual({ stored: 2, leftOut: 0, rejected: 0 })
    expect(await left()).toBe(1)
    for (let look = 0; look < 3; look++) await continueErasures(database)
    expect([await left(), (await sql`select from erasures`).count]).toEqual([0, 0])
    for (const table of ['link_totals', 'click_series', 'click_breakdowns'])
      expect([table, (await sql`select from ${sql(table)} where url_id = ${gone}`).count]).toEqual([table, 0])
    await Promise.all([purging.end(), elsewhere.end()])
  })
})
