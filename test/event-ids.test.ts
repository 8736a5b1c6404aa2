// The database's clock jumps: every event is stored all the same, under an id that no other has.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { takeUpRefused } from '../src/clicks/refused.ts'
import { storeClicks, watermarkOf } from '../src/clicks/store.ts'
import type { Database } from '../src/database/guard.ts'
import { preparePartitions } from '../src/database/migrate.ts'
import { runCommand } from './child.ts'
import { ALL_EVENTS } from './counting.ts'
import { databases, quiet } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'

const DAY = 86_400_000
const click = (sequence: number, linkId: number) => ({
  sequence,
  linkId,
  time: Date.now(),
  referrer: '',
  userAgent: 'Firefox/1.0',
  address: '',
})

describe.each(databases)('ids of events on the $name database', (kind) => {
  let server: TestServer
  let database: Database
  beforeAll(async () => {
    server = await serveOn(kind, {
      ADMIN_TOKEN: 'a-token-of-enough-characters',
      CHAOS_TOKEN: 'another-token-of-enough-characters',
    })
    database = server.database
  })
  afterAll(() => server.stop())

  const setClock = (interval: string) =>
    database.run((sql) =>
      sql
        .unsafe(
          `create or replace function event_clock() returns timestamptz language sql volatile as $$ select clock_timestamp() + interval '${interval}' $$`,
        )
        .simple(),
    )
  const one = async <T>(query: string) =>
    (await database.run((sql) => sql.unsafe<{ value: T }[]>(`select (${query}) as value`)))[0]!.value
  const months = () =>
    one<string[]>(`select array_agg(inhrelid::regclass::text order by 1) from pg_inherits where inhparent = 'events'::regclass`)
  const newest = () => one<number>(`select coalesce(max(id), 0) from ${ALL_EVENTS}`)
  let named = 0

  /** One event by everybody who writes any. Returns how many there are now that were not before. */
  async function writeAll() {
    const before = await one<number>(`select count(*) from ${ALL_EVENTS}`)
    const from = await newest()
    const name = `n${++named}`
    const answers = [
      await server.post('/urls', { original_url: 'https://example.com/', custom_code: name }),
      await server.post('/api/blocklist', { host: `${name}.example` }),
      await server.call('DELETE', `/api/blocklist/${name}.example`),
      await server.post('/api/keys', { name, scope: 'read' }),
    ]
    const link = answers[0]!.body
    answers.push(
      await server.call('DELETE', `/api/keys/${answers[3]!.body.id}`),
      await server.call('PUT', `/urls/${link.id}`, { title: name }),
      await server.post('/events', { event_type: 'seen', url_id: link.id }),
      await server.post('/events', { event_type: 'click', url_id: link.id }),
    )
    expect(answers.map(({ status, text }) => [status < 300, status < 300 ? '' : text])).toEqual(answers.map(() => [true, '']))
    for (let n = 0; n < 3; n++) expect((await server.get(`/${link.short_code}`)).status).toBe(302)
    expect((await server.settled(`/urls/${link.id}`)).body.click_count).toBe(4)
    expect((await server.call('DELETE', `/urls/${link.id}`)).status).toBe(204)
    const written = await one<number>(`select count(*) from ${ALL_EVENTS} where id > ${from}`)
    expect(written).toBe((await one<number>(`select count(*) from ${ALL_EVENTS}`)) - before) // none below those that there were
    return written
  }

  test('grow with time, and name their partition', async () => {
    for (let i = 0; i < 5; i++) await server.post('/events', { event_type: 'tick', details: { i } })
    await server.post('/urls', { original_url: 'https://example.com/a/page', short_code: 'growing' })
    await server.get('/growing')
    expect((await server.settled('/urls/growing/stats')).body.clicks).toBe(1)
    await server.post('/events', { event_type: 'tick', details: { i: 5 } })
    const rows = await server.database.run(
      (sql) => sql<{ event_type: string; i: number | null; month: string; place: string; lag: number }[]>`
        select event_type, (details ->> 'i')::int as i, to_char(timestamp at time zone 'UTC', 'YYYY_MM') as month,
          place, abs(extract(epoch from timestamp - (timestamptz '2020-01-01 00:00:00+00' + interval '1 ms' * (id >> 12))))::float8 as lag
        from (select id, event_type, details, timestamp, right(tableoid::regclass::text, 7) as place from events
          union all select id, 'click', '{}', timestamp, right(tableoid::regclass::text, 7) from clicks) as both_kinds order by id`,
    )
    expect(rows.flatMap(({ i }) => (i === null ? [] : [i]))).toEqual([0, 1, 2, 3, 4, 5])
    expect(rows.map(({ event_type }) => event_type).at(-2)).toBe('click')
    expect(rows.filter(({ place, month }) => place !== month)).toEqual([])
    expect(rows.filter(({ lag }) => lag > 120)).toEqual([]) // an id tells its time within two minutes
  })

  test('a partition that is missing is made, with its indexes', async () => {
    const [next] = await server.database.run(
      (sql) =>
        sql<{ name: string }[]>`select 'events_' || to_char(now() at time zone 'UTC' + interval '2 months', 'YYYY_MM') as name`,
    )
    const indexes = () =>
      server.database.run((sql) => sql<{ n: number }[]>`select count(*) as n from pg_indexes where tablename = ${next!.name}`)
    const [whole] = await indexes()
    await server.database.run((sql) => sql.unsafe(`drop table ${next!.name}`))
    expect((await indexes())[0]!.n).toBe(0)
    await server.database.run((sql) => sql`select create_events_partitions(3)`)
    expect((await indexes())[0]!.n).toBe(whole!.n)
    expect(whole!.n).toBeGreaterThanOrEqual(2)
    const attached = await server.database.run(
      (sql) => sql`select from pg_inherits where inhparent = 'events'::regclass and inhrelid = ${next!.name}::regclass`,
    )
    expect(attached.count).toBe(1)
  })

  test.each(['200 days', '-200 days', '10 years', '-10 years', '-60 years', '80 years', '200000 years', '40 days', '0'])(
    'grow while the clock is off by %s, and when it is back',
    async (interval) => {
      await setClock(interval)
      const written = await writeAll()
      await setClock('0')
      expect(await writeAll()).toBe(written)
      expect(await one<number>('select count(*) from click_rejects')).toBe(0)
      expect(await newest()).toBeLessThan(2 ** 53)
      expect(await months()).toContain('events_imported')
    },
  )

  test('follow no clock that is ahead of the last partition, nor are partitions made by it', async () => {
    const before = await months()
    await setClock('200 days')
    await database.run((sql) => sql`select create_events_partitions(3)`)
    await setClock('0')
    expect(await months()).toEqual(before)
    expect(await one<boolean>(`select last_value < event_id_at(now() + interval '130 days') from event_ids`)).toBe(true)
  })

  test('of 0.1.0 that have left the partitions come back behind the last event, and its refused clicks are taken up', async () => {
    const link = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    const { log, ring } = quiet()
    await database.run((sql) => sql`select setval('event_ids', event_id_at(now() + interval '300 days'))`)
    await database.run(
      (sql) => sql`insert into click_rejects (journal_id, sequence, reason, record)
        select gen_random_uuid(), n, case n when 1 then 'no partition of relation "events" found for row'
          when 2 then 'keine Partition von Relation »events« für die Zeile gefunden' else 'invalid byte sequence' end,
          ${sql.json(click(1, link.id))} from generate_series(1, 3) n`,
    )
    await database.run(
      (sql) => sql`insert into click_rejects (journal_id, sequence, reason, record)
        values (gen_random_uuid(), 4, 'no partition of relation "events" found for row',
          ${sql.json({ ...click(4, link.id), linkId: 1e20 })}),
          (gen_random_uuid(), 5, 'no partition of relation "events" found for row', '"no click"')`,
    )
    await Promise.all([takeUpRefused(database, log), takeUpRefused(database, log)])
    await takeUpRefused(database, log)
    expect((await server.get(`/urls/${link.id}`)).body.click_count).toBe(2)
    expect(await one<number[]>('select array_agg(sequence order by sequence) from click_rejects')).toEqual([3, 4, 5])
    expect(
      ring
        .read({ limit: 9, filter: 'because a partition was missing were stored' })
        .reduce((sum, line) => sum + Number((line as any).clicks), 0),
    ).toBe(2)
    await writeAll()
    await database.run((sql) => sql`delete from click_rejects`)
  })

  test('are found by many at once', async () => {
    const link = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    await database.run((sql) => sql`select setval('event_ids', event_id_at(now() + interval '3 years'))`)
    const ids = await Promise.all(
      Array.from(
        { length: 40 },
        async () => (await server.post('/events', { event_type: 'seen', url_id: link.id })).body.id as number,
      ),
    )
    expect(new Set(ids).size).toBe(40)
    expect(ids.every(Number.isSafeInteger)).toBe(true)
    expect((await database.run((sql) => sql`select from pg_locks where locktype = 'advisory'`)).count).toBe(0)
  })

  test('a batch of clicks without a partition waits, and is not refused as data', async () => {
    const link = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    const journal = Bun.randomUUIDv7()
    await watermarkOf(database, journal)
    const names = (await months()).filter((name) => name !== 'events_imported')
    await database.run((sql) => sql.unsafe(names.map((name) => `alter table events detach partition ${name}`).join(';')).simple())
    await expect(storeClicks(database, journal, 0, [click(1, link.id), click(2, link.id)], (time) => time)).rejects.toThrow(
      /no event can be stored: there is no partition/,
    )
    expect((await database.run((sql) => sql`select from pg_locks where locktype = 'advisory'`)).count).toBe(0)
    await preparePartitions(database, Date.now()) // what was detached by a hand is a partition again
    expect((await storeClicks(database, journal, 0, [click(1, link.id), click(2, link.id)], (time) => time)).stored).toBe(2)
    for (const name of names.filter((name) => name < `events_${new Date().toISOString().slice(0, 7).replace('-', '_')}`))
      await database.run(
        (sql) => sql`select create_events_partition(${`${name.slice(7).replace('_', '-')}-01T00:00:00Z`}::timestamptz)`,
      )
  })

  test('a month’s end is followed by the next month, whose partitions are there', async () => {
    const end = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1, 1) - Date.now()
    await setClock(`${end - 500} milliseconds`)
    await writeAll()
    await setClock(`${end + DAY} milliseconds`)
    await writeAll()
    await setClock('0')
    await writeAll()
  })
})

const LIBRARY = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64']
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find((file) => existsSync(file))
const lacks = [LIBRARY ? '' : 'libfaketime', serverBinaries() ? '' : 'PostgreSQL'].filter(Boolean)
if (lacks.length > 0) console.warn(`SKIPPED: a PostgreSQL whose clock jumps (not installed: ${lacks.join(', ')})`)

describe.skipIf(lacks.length > 0)('a PostgreSQL whose clock jumps', () => {
  const folder = temporaryFolder()
  const clock = join(folder, 'clock')
  chmodSync(folder, 0o755)
  const step = (by: string) => writeFileSync(clock, `${by}\n`)
  let cluster: Cluster
  beforeAll(async () => {
    step('+0')
    const fake = [`LD_PRELOAD=${LIBRARY}`, `FAKETIME_TIMESTAMP_FILE=${clock}`, 'FAKETIME_CACHE_DURATION=1']
    cluster = await openCluster({ own: true, through: ['env', ...fake, 'FAKETIME_DONT_FAKE_MONOTONIC=1'] })
  })
  afterAll(() => cluster?.end())

  const shows = async (sql: Sql, year: number) => {
    for (;;) {
      const [row] = await sql`select extract(year from clock_timestamp())::int as year`
      if (row!.year === year) return
      await Bun.sleep(100)
    }
  }

  test('200 days ahead and back refuses nothing, and one that begins in 1970 is waited for', async () => {
    step('-20500d')
    const url = await cluster.createDatabase()
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const then = new Date(Date.now() - 20_500 * DAY).getUTCFullYear()
    await shows(sql, then)
    const settings = async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url, ADMIN_TOKEN: 'a-token-of-enough-characters' })
    const starting = serveOn({ name: 'external', settings, open: () => Promise.reject(new Error('not used')) })
    const early = await runCommand(['migrate'], { DATABASE_URL: url, DATA_DIR: temporaryFolder() })
    expect([early.code, early.err]).toEqual([
      1,
      expect.stringMatching(/the clock of the database shows 19\d\d-.* UTC, which is wrong: set it/),
    ])
    const server = await starting // degraded
    try {
      const ready = async () => (await server.get('/ready')).body
      expect(await ready()).toMatchObject({ status: 'degraded' })
      expect(server.ring.read({ limit: 9, filter: 'starting degraded' })).toMatchObject([
        { reason: expect.stringMatching(/^the clock of the database shows/) },
      ])
      step('+0')
      while ((await ready()).status !== 'ready') await Bun.sleep(100)
      const now = new Date()
      for (const [by, at] of [
        ['+200d', new Date(now.getTime() + 200 * DAY)],
        ['+0', now],
        ['-20500d', new Date(now.getTime() - 20_500 * DAY)],
        ['+0', now],
        ['+4000d', new Date(now.getTime() + 4_000 * DAY)],
        ['+0', now],
      ] as const) {
        step(by)
        await shows(sql, at.getUTCFullYear())
        const link = await server.post('/urls', { original_url: 'https://example.com/' })
        expect([by, link.status]).toEqual([by, 201])
        expect((await server.get(`/${link.body.short_code}`)).status).toBe(302)
        expect((await server.call('PUT', `/urls/${link.body.id}`, { title: by })).status).toBe(200)
        expect((await server.post('/events', { event_type: 'seen', url_id: link.body.id })).status).toBe(201)
        expect((await server.settled(`/urls/${link.body.id}`)).body.click_count).toBe(1)
      }
      expect((await sql`select from click_rejects`).count).toBe(0)
    } finally {
      await server.stop()
      await sql.end()
    }
  })
})
