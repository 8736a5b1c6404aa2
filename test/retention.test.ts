// Old events go by whole months, whatever stops the job half-way; newer ones and all totals stay, and nobody who writes waits.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { dropOldEvents } from '../src/clicks/retention.ts'
import { type Clocks, watchClocks } from '../src/database/clocks.ts'
import type { Database } from '../src/database/guard.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { databases } from './databases.ts'

const OLD = ['2025_01', '2025_02', '2025_03']
const TABLES = 'events_(?:imported|[0-9]{4}_[0-9]{2})'

describe.each(databases)('retention on the $name database', (kind) => {
  const external = kind.name === 'external'
  let database: Database
  const ring = createLogRing()
  const log = createLog('fatal', ring, false)
  const once = (days = 90, clocks?: Clocks) => dropOldEvents(database, log, days, external, clocks)
  const run = async (days = 90) => {
    while (await once(days));
  }

  beforeAll(async () => {
    database = await kind.open()
    await database.run((sql) => sql`insert into urls (short_code, original_url) values ('kept', 'https://example.com/kept')`)
  })
  afterAll(() => database.close())

  /** Three old months with ten events each, five events now, and what they count. */
  async function fill() {
    for (const month of OLD)
      await database.transaction(async (sql) => {
        const first = `${month.replace('_', '-')}-01 00:00:00+00`
        await sql`select create_events_partition(${first}::timestamptz)`
        await sql`insert into events (id, url_id, event_type, timestamp)
          select event_id_at(${first}::timestamptz) + n, 1, 'click', ${first}::timestamptz + n * interval '1 hour' from generate_series(1, 10) n`
        await sql`select count_click(1, ${first}::timestamptz + n * interval '1 hour', '{"browser": "Firefox"}', 1) from generate_series(1, 10) n`
      })
    await write(5)
  }
  const write = (count: number) =>
    database.run(
      (sql) =>
        sql`insert into events (id, url_id, event_type) select next_event_id(), 1, 'visited' from generate_series(1, ${count})`,
    )
  /** Writes one event after another; `slowest` is in ms. */
  function startWriter() {
    let running = true
    let slowest = 0
    let written = 0
    const writing = (async () => {
      while (running) {
        const started = performance.now()
        await write(1)
        written++
        slowest = Math.max(slowest, performance.now() - started)
      }
    })()
    return {
      async stop() {
        running = false
        await writing
        return { written, slowest }
      },
    }
  }
  const tables = async () => {
    const rows = await database.run(
      (sql) => sql`select relname as name from pg_class where relkind = 'r' and relname ~ ${`^${TABLES}$`} order by 1`,
    )
    return rows.map(({ name }) => String(name).slice(7))
  }
  const said = () => ring.read({ limit: 200, filter: 'a partition of old events was dropped' })
  const oldTables = async () => (await tables()).filter((name) => OLD.includes(name))
  const kept = async () => {
    const [row] = await database.run(
      (
        sql,
      ) => sql`select (select clicks from link_totals where url_id = 1) as total, (select sum(clicks)::bigint from click_series) as series,
        (select sum(clicks)::bigint from click_breakdowns) as breakdowns, (select count(*) from events) as events`,
    )
    return row!
  }

  test('drops the months that ended before the limit, and keeps the rest and the totals', async () => {
    await fill()
    const before = await kept()
    const later = (await tables()).filter((name) => !OLD.includes(name))
    expect(await oldTables()).toEqual(OLD)
    await run()
    expect(await tables()).toEqual(later)
    expect(await kept()).toEqual({ ...before, events: before.events - 30 })
    expect(
      said()
        .map(({ partition }) => partition)
        .sort(),
    ).toEqual(OLD.map((month) => `events_${month}`))
    await run() // nothing is left to do
    expect(await tables()).toEqual(later)
  })

  test('drops months of clicks too, but none with clicks that are not counted yet', async () => {
    const first = '2025-01-01 00:00:00+00'
    const isThere = async () =>
      (await database.run((sql) => sql<{ there: boolean }[]>`select to_regclass('clicks_2025_01') is not null as there`))[0]!
        .there
    await database.run((sql) => sql`select create_events_partition(${first}::timestamptz)`)
    await database.run(
      (sql) => sql`
        insert into clicks (id, url_id, timestamp, details)
        select event_id_at(${first}::timestamptz) + n, 1, ${first}::timestamptz + n * interval '1 hour', '{}' from generate_series(1, 10) n`,
    )
    await run()
    expect(await isThere()).toBe(true)
    await database.run((sql) => sql`update click_rollup set watermark = event_id_at(${first}::timestamptz) + 9`)
    await run()
    expect(await isThere()).toBe(true)
    await database.run((sql) => sql`update click_rollup set watermark = event_id_at(${first}::timestamptz) + 10`)
    await run()
    expect([await isThere(), ring.read({ limit: 1, filter: 'a partition of old clicks was dropped' }).length]).toEqual([false, 1])
  })

  test('keeps a month that the limit falls into', async () => {
    const { day, past } = await database.transaction(async (sql) => {
      const [row] = await sql`select date_trunc('month', now(), 'UTC') - interval '1 month' as past,
        extract(day from now() at time zone 'UTC')::int as day`
      await sql`select create_events_partition(${row!.past})`
      return { day: row!.day as number, past: String(row!.past).slice(0, 7).replace('-', '_') }
    })
    await run(day) // the last month ended less than so many days ago
    expect(await tables()).toContain(past)
    if (day > 1) {
      await run(day - 1)
      expect(await tables()).not.toContain(past)
    }
  })

  test('trims imported events by their time, chunk by chunk', async () => {
    await database.run(
      (sql) => sql`insert into events (id, url_id, event_type, timestamp)
        select n, 1, 'click', case when n <= 11000 then now() - interval '100 days' else now() - interval '10 days' end from generate_series(1, 11010) n`,
    )
    await run()
    const [row] = await database.run((sql) => sql`select count(*) as count, min(id) as first from events_imported`)
    expect(row).toEqual({ count: 10, first: 11_001 })
    await database.run((sql) => sql`delete from events_imported`)
  })

  const setClock = (ahead: string) =>
    database.run((sql) =>
      sql
        .unsafe(
          `create or replace function event_clock() returns timestamptz language sql volatile as $$ select clock_timestamp() + interval '${ahead}' $$`,
        )
        .simple(),
    )

  test('drops one month a call, the oldest first', async () => {
    await fill()
    expect(await once()).toBe(true)
    expect(await oldTables()).toEqual(OLD.slice(1))
    await run()
    expect(await once()).toBe(false)
  })

  test.each(['200 days', '-200 days', '10 years', '2 hours'])(
    'drops nothing while the database’s clock is off by %s, and says so',
    async (ahead) => {
      await fill()
      await database.run(
        (sql) => sql`insert into events (id, url_id, event_type, timestamp) values (1, 1, 'visited', '2025-01-01T00:00:00Z')`,
      )
      const before = [await tables(), await kept()]
      await setClock(ahead)
      try {
        expect(await once(30)).toBe(false)
      } finally {
        await setClock('0')
      }
      expect([await tables(), await kept()]).toEqual(before)
      expect(ring.read({ limit: 1, filter: 'old events are kept for now' }).length).toBe(1)
      await run()
      await database.run((sql) => sql`delete from events_imported`)
    },
  )

  test.each([
    ['while it ran, as one that both share', 200, () => {}],
    ['before it began, with no event for long', 200, (moved: { days: number }) => void (moved.days = 200)],
  ])('drops nothing where this machine’s clock jumped too, %s', async (_, days, before) => {
    await fill()
    const was = await tables()
    const moved = { days: 0 }
    before(moved)
    let steady = 0
    const clocks = watchClocks({ wall: () => Date.now() + moved.days * 86_400_000, steady: () => steady })
    moved.days = days
    await setClock(`${days} days`)
    try {
      expect(await once(30, clocks)).toBe(false)
      steady += 3_600_000
      expect(await once(30, clocks)).toBe(false)
      expect(await tables()).toEqual(was)
      await setClock('0')
      moved.days = 0
      expect(await once(30, clocks)).toBe(false) // it was set back: another jump
      steady += 86_400_000
      moved.days = 1
      await setClock('1 day')
      expect(await once(30, clocks)).toBe(true) // a day later
    } finally {
      await setClock('0')
    }
    await run()
  })

  test('keeps the month that ids are given out of, and those after it, whatever the clocks agree on', async () => {
    await fill()
    const was = await tables()
    const agreed = { agree: () => ({ at: Date.now() + 200 * 86_400_000 }) }
    while (await once(30, agreed));
    const current = await database.run((sql) => sql`select to_char(now() at time zone 'UTC', 'YYYY_MM') as month`)
    expect(await tables()).toEqual(was.filter((name) => name === 'imported' || name >= String(current[0]!.month)))
    await run()
  })

  test('keeps a month whose last events are younger than it', async () => {
    await fill()
    await database.run(
      (sql) => sql`insert into events (id, url_id, event_type, timestamp)
        select event_id_at('2025-01-20T00:00:00Z') + n, 1, 'visited', now() - interval '2 days' from generate_series(1, 3) n`,
    )
    await run()
    expect(await oldTables()).toEqual(['2025_01'])
    await database.run(
      (sql) =>
        sql`delete from events where id >= event_id_at('2025-01-20T00:00:00Z') and id < event_id_at('2025-02-01T00:00:00Z')`,
    )
    await run()
    expect(await oldTables()).toEqual([])
  })

  test('continues after a crash between detaching and dropping, and leaves a foreign table of such a name alone', async () => {
    await fill()
    await database.run((sql) => sql.unsafe('alter table events detach partition events_2025_02'))
    await database.run((sql) => sql.unsafe('create table events_2024_12 (note text)'))
    await run()
    expect(await oldTables()).toEqual([])
    expect(await tables()).toContain('2024_12')
    await database.run((sql) => sql.unsafe('drop table events_2024_12'))
  })

  test.skipIf(!external)('finalizes a detachment that a long transaction held up, and blocks no writer until then', async () => {
    await fill()
    const held = Promise.withResolvers<void>()
    const open = Promise.withResolvers<void>()
    const reader = database.transaction(async (sql) => {
      await sql`select count(*) from events`
      open.resolve()
      await held.promise
    }, 60_000)
    await open.promise
    const began = performance.now()
    const job = run().then(
      () => 'done',
      (error: Error) => error.message,
    )
    const writer = startWriter()
    expect(await job).toMatch(/overloaded/) // the lock's time-out
    const waited = performance.now() - began
    const { written, slowest } = await writer.stop()
    expect(written).toBeGreaterThan(10)
    expect(slowest).toBeLessThan(waited / 2)
    const pending = await database.run(
      (sql) => sql`select inhrelid::regclass::text as name from pg_inherits where inhdetachpending`,
    )
    expect(pending.map(({ name }) => name)).toEqual(['events_2025_01'])
    held.resolve()
    await reader
    await run()
    expect(await oldTables()).toEqual([])
  })

  test('takes turns: many at once drop each month once, while a writer never waits', async () => {
    await fill()
    const before = await kept()
    const writer = startWriter()
    const saidBefore = said().length
    await Promise.all([run(), run(), run()])
    const { written, slowest } = await writer.stop()
    await run()
    expect(await oldTables()).toEqual([])
    expect(said().length - saidBefore).toBe(OLD.length)
    expect(slowest).toBeLessThan(2_000)
    expect(await kept()).toEqual({ ...before, events: before.events - 30 + written })
  })
})
