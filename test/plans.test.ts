// The plans of lists: PostgreSQL reads few more rows than a page has, with statistics of the tables and without, first page or last. 100,000 links that
// all have clicks: there, a page by cursor once joined the totals of every link before it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Database, Sql } from '../src/database/guard.ts'
import type { Page } from '../src/database/paging.ts'
import type { LinkFilter } from '../src/links/filter.ts'
import { pageOfLinks } from '../src/links/select.ts'
import { databases } from './databases.ts'
import { type Plan, rowsRead } from './plan.ts'

const LINKS = 100_000
const SIZE = 20

describe.each(databases)('plans on the $name database', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await kind.open()
    await database.run(async (sql) => {
      // Nothing but the test below may collect statistics.
      for (const table of ['urls', 'link_totals', 'users'])
        await sql.unsafe(`alter table ${table} set (autovacuum_enabled = off)`)
      await sql.unsafe('drop index if exists urls_search') // takes longer than the rest
    })
    await database.run(
      (sql) => sql`insert into users (username, email) values ('ada', 'ada@example.com'), ('bob', 'bob@example.com')`,
    )
    const [first] = await database.run((sql) => sql<{ id: number }[]>`select min(id) as id from users`)
    for (let from = 1; from <= LINKS; from += 20_000)
      await database.run(
        (sql) => sql`
          with made as (
            insert into urls (short_code, original_url, user_id, is_active)
            select 'c' || n, 'https://example.com/' || n, ${first!.id} + case when n % 50 = 0 then 1 else 0 end, n % 50 > 0
            from generate_series(${from}::int, ${from + 19_999}::int) n order by n returning id)
          insert into link_totals (url_id, clicks, last_click) select id, id % 7 + 1, now() from made`,
        60_000,
      )
  }, 120_000)
  afterAll(() => database.close())

  const at = (page: Partial<Page>): Page => ({ number: 1, size: SIZE, offset: 0, after: undefined, descending: false, ...page })
  /** `guessed`: rows that may be read without statistics. */
  const LISTS: [name: string, filter: LinkFilter, page: Page, guessed?: number][] = [
    ['the first page', {}, at({})],
    ['the first page, descending', {}, at({ descending: true })],
    ['the middle, by cursor', {}, at({ after: LINKS / 2 })],
    ['the last page, by cursor', {}, at({ after: LINKS - SIZE })],
    ['the middle, by cursor, descending', {}, at({ after: LINKS / 2, descending: true })],
    ['a page after a milestone', {}, at({ after: LINKS / 2, offset: 180 })],
    ['links of a user with many', { user_id: 1 }, at({ after: LINKS / 2 }), LINKS],
    ['links of a user with few', { user_id: 2 }, at({ after: LINKS / 2 }), LINKS / 50],
    ['inactive links', { is_active: false }, at({ after: LINKS / 2 }), LINKS / 50],
    ['active links', { is_active: true }, at({ after: LINKS / 2, descending: true })],
  ]

  /** The plan of the statement that `work` sends, after it ran often enough for PostgreSQL to keep a plan for any parameters. */
  async function planOf(sql: Sql, statement: (sql: Sql) => ReturnType<typeof pageOfLinks>): Promise<Plan> {
    for (let run = 0; run < 7; run++) await statement(sql)
    const [row] = await sql<{ 'QUERY PLAN': { Plan: Plan }[] }[]>`explain (analyze, format json) ${statement(sql)}`
    return row!['QUERY PLAN'][0]!.Plan
  }

  describe.each(['without statistics', 'with statistics'])('%s', (statistics) => {
    beforeAll(async () => {
      if (statistics === 'with statistics') await database.run((sql) => sql`analyze`, 60_000)
    })

    test.each(LISTS)('%s', async (_, filter, page, guessed = 0) => {
      const [stored] = await database.run(
        (sql) => sql<{ n: number }[]>`select count(*) as n from pg_stats where tablename in ('urls', 'link_totals')`,
      )
      expect(stored!.n > 0).toBe(statistics === 'with statistics')
      const plan = await database.run((sql) => planOf(sql, (sql) => pageOfLinks(sql, filter, page, undefined)))
      expect(plan['Actual Rows']).toBe(SIZE)
      expect(rowsRead(plan)).toBeLessThanOrEqual(
        10 * SIZE + 2 * page.offset + (statistics === 'without statistics' ? guessed : 0),
      )
    })
  })
})
