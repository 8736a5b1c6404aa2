// Work that is too much for the database at once is done in parts, and never waits forever.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { drainFolder } from '../src/clicks/dead-journals.ts'
import { newState } from '../src/clicks/drain-state.ts'
import { foldClicks } from '../src/clicks/fold.ts'
import { batchPortion } from '../src/clicks/journal-drain.ts'
import { DatabaseNotAsked, DatabaseUnreachable } from '../src/database/database-unreachable.ts'
import type { Database } from '../src/database/guard.ts'
import { inPortions, portionUpTo } from '../src/database/portion.ts'
import { controlBlock, openJournal } from '../src/journal/journal.ts'
import { prepareSegment } from '../src/journal/segments.ts'
import { continueErasures, purgeLink } from '../src/links/erase.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

const tooMuch = () => new DatabaseUnreachable('it is overloaded', { code: '57014' })

describe('a portion', () => {
  test('is halved by a failure and by a slow statement, and grows after quick ones that were full', () => {
    const portion = portionUpTo(100, 40)
    const sizes: number[] = []
    const after = (change: () => void) => {
      change()
      sizes.push(portion.size())
    }
    after(() => portion.done(40, 10))
    after(() => portion.done(20, 10)) // not full: says nothing of 60
    after(() => portion.failed(tooMuch(), 60))
    after(() => portion.done(30, 2_000))
    after(() => portion.done(30, 4_000))
    after(() => portion.done(15, 10))
    after(() => portion.done(15, 10)) // two in a row after one failure
    for (let n = 0; n < 20; n++) portion.done(portion.size(), 10)
    sizes.push(portion.size())
    expect(sizes).toEqual([60, 60, 30, 30, 15, 15, 23, 100])
  })

  test.each([
    ['an error of the server', new Error('out of memory'), 5],
    ['a lock held for long', new DatabaseUnreachable('it is overloaded', { code: '55P03' }), 5],
    ['a connection lost on the way', new DatabaseUnreachable('the connection was lost', new Error('closed')), 5],
    ['a database that was not asked', new DatabaseNotAsked('it did not answer the last probe', new Error('closed')), 10],
  ])('after %s', (_, error, size) => {
    const portion = portionUpTo(10)
    expect([portion.failed(error, 10), portion.size()]).toEqual([size < 10, size])
  })

  test('goes down to one row, whose failure is the caller’s', async () => {
    const asked: number[] = []
    const work = async (limit: number) => {
      asked.push(limit)
      throw tooMuch()
    }
    await expect(inPortions(portionUpTo(8), work)).rejects.toThrow('overloaded')
    expect(asked).toEqual([8, 4, 2, 1])
  })
})

/** More than so many rows in one statement are too much. */
const BEARABLE = 700

describe.each(databases)('too much for the $name database at once', (kind) => {
  const LINKS = kind.name === 'embedded' ? 3_000 : 30_000 // it stores a tenth of what the other stores in a second
  let database: Database
  let links: number[]
  beforeAll(async () => {
    database = await kind.open()
    links = []
    for (let first = 1; first <= LINKS; first += 3_000) {
      const rows = await database.run(
        (sql) => sql<{ id: number }[]>`
          insert into urls (short_code, original_url)
          select 'many' || n, 'https://example.com/' from generate_series(${first}::int, ${first + 2_999}::int) n returning id`,
        60_000,
      )
      links.push(...rows.map(({ id }) => id))
    }
    await database.run((sql) =>
      sql
        .unsafe(`create function refuse_many() returns trigger language plpgsql as $$ begin
            if (select count(*) from changed) > ${BEARABLE} then
              raise exception 'canceling statement due to statement timeout' using errcode = coalesce(nullif(tg_argv[0], ''), '57014');
            end if;
            return null;
          end $$`)
        .simple(),
    )
  })
  beforeEach(async () => {
    for (const table of ['clicks', 'click_series', 'click_breakdowns'])
      await database.run((sql) => sql.unsafe(`drop trigger if exists refuse_many on ${table}`).simple())
  })
  afterAll(() => database.close())

  const refuseMany = (table: string, event: 'insert' | 'delete', code = '') =>
    database.run((sql) =>
      sql
        .unsafe(
          `drop trigger if exists refuse_many on ${table};
           create trigger refuse_many after ${event} on ${table} referencing ${event === 'insert' ? 'new' : 'old'} table as changed
           for each statement execute function refuse_many('${code}')`,
        )
        .simple(),
    )
  const count = async (what: string) =>
    (await database.run((sql) => sql.unsafe<{ n: number }[]>(`select (select ${what}) as n`)))[0]!.n

  function leaveJournal(folder: string, clicked: number[]) {
    const id = Bun.randomUUIDv7()
    const journal = openJournal(
      id,
      controlBlock(),
      () => {},
      () => {},
    )
    journal.offer(prepareSegment(folder, id, 2, [], 2 ** 30))
    for (const link of clicked) journal.append(link, Date.now(), '', '', '')
    journal.close()
  }

  /** Drains clicks that an earlier process left, one of each link; again, as a server does, where a busy machine keeps the database from answering. */
  async function drainOf(clicked: number[], portion = batchPortion()) {
    const folder = temporaryFolder()
    leaveJournal(folder, clicked)
    for (;;)
      try {
        return await drainFolder(database, folder, { state: newState(), report: () => {}, dead: new Map(), portion })
      } catch (error) {
        if (!(error instanceof DatabaseUnreachable)) throw error
        await Bun.sleep(500)
      }
  }
  const stored = () => count('count(*) from clicks')

  test('clicks of thousands of links are stored, each once', async () => {
    await refuseMany('clicks', 'insert')
    const portion = batchPortion()
    await drainOf(links, portion)
    expect(portion.size()).toBeLessThanOrEqual(BEARABLE * 1.5)
    expect([await stored(), await count('sum(clicks)::bigint from link_totals')]).toEqual([LINKS, LINKS])
    expect(await count('max(clicks) from link_totals')).toBe(1)
  })

  // Deadlocked, out of memory, out of what PostgreSQL can do, and what nobody foresaw.
  test.each(['40P01', '53200', '54000', 'XX000'])('clicks are stored where a batch of many is refused with %s', async (code) => {
    await refuseMany('clicks', 'insert', code)
    const clicked = links.slice(0, kind.name === 'embedded' ? 1_000 : 3_000)
    const before = await stored()
    await drainOf(clicked)
    expect([await stored(), await count('count(*) from click_rejects')]).toEqual([before + clicked.length, 0])
  })

  test.skipIf(kind.name === 'embedded')(
    // one session without time-outs: there is neither
    'clicks are stored in parts that end before a time-out, and all before a lock that somebody holds',
    async () => {
      const slow = links.slice(0, 2_000)
      await database.run((sql) =>
        sql
          .unsafe(`create function take_time() returns trigger language plpgsql as $$ begin perform pg_sleep(0.0005); return null; end $$;
            create trigger take_time after insert or update on link_totals for each row execute function take_time()`)
          .simple(),
      )
      const impatient = (setting: string) =>
        Promise.all(
          Array.from({ length: 10 }, () => database.run((sql) => sql.unsafe(`set ${setting}; select pg_sleep(0.05)`).simple())),
        )
      await impatient('statement_timeout = 200')
      const before = await stored()
      await drainOf(slow)
      expect(await stored()).toBe(before + slow.length)
      await database.run((sql) => sql.unsafe('drop trigger take_time on link_totals').simple())

      await impatient('statement_timeout = 10000')
      await impatient('lock_timeout = 50')
      const held = Promise.withResolvers<void>()
      const locked = Promise.withResolvers<void>()
      const holder = database.transaction(async (sql) => {
        await sql`select from link_totals where url_id = ${slow[1_500]!} for update`
        locked.resolve()
        await held.promise
      }, 60_000)
      await locked.promise
      const folder = temporaryFolder()
      leaveJournal(folder, slow)
      const portion = batchPortion()
      const drain = () => drainFolder(database, folder, { state: newState(), report: () => {}, dead: new Map(), portion })
      const beforeTheLock = before + slow.length + 1_500
      await until('all before the lock is stored', async () => {
        await drain().catch(() => {})
        return (await stored()) >= beforeTheLock
      })
      expect(await stored()).toBe(beforeTheLock)
      held.resolve()
      await holder
      await drain()
      expect(await stored()).toBe(before + 2 * slow.length)
    },
  )

  test('counts are folded', async () => {
    await database.run(
      (
        sql,
      ) => sql`insert into click_series select id, now() - interval '9 days', 1, 0 from unnest(${links.slice(0, 3_000)}::bigint[]) id
        on conflict do nothing`,
    )
    await refuseMany('click_series', 'delete')
    expect(await foldClicks(database)).toBe(3_000)
    expect(await count(`count(*) from click_series where bucket < now() - interval '3 days'`)).toBe(0)
  })

  test('a purged link’s counts are erased, in every table', async () => {
    const [gone] = links
    await database.run(
      (sql) =>
        sql`insert into click_breakdowns select ${gone!}, date '2026-01-01' + n, 'referrer', 'a.example', 1, 0 from generate_series(1, 2500) n`,
    )
    await database.run(
      (sql) =>
        sql`insert into click_months select ${gone!}, date '2026-01-01', 'referrer', 'r' || n, '{1}', '{1}', '{0}' from generate_series(1, 6000) n`,
    )
    await refuseMany('click_breakdowns', 'delete')
    await purgeLink(database, gone!, undefined, { by: 'open' })
    for (const table of ['click_breakdowns', 'click_months', 'click_series', 'link_totals'])
      expect([table, await count(`count(*) from ${table} where url_id = ${gone}`)]).toEqual([table, 0])
    while ((await count('count(*) from erasures')) > 0) await continueErasures(database)
  })
})
