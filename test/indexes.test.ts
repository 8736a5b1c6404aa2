// Indexes of large tables are there from the start, or are built later while everybody works.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Database } from '../src/database/guard.ts'
import { buildIndexes } from '../src/database/indexes.ts'
import { databases, quiet } from './databases.ts'

const NAMES = ['link_totals_clicks', 'link_totals_last_click', 'urls_created', 'urls_target', 'urls_title']

describe.each(databases)('on the $name database', (kind) => {
  const external = kind.name === 'external'
  let database: Database
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  const built = () =>
    database.run(
      (sql) => sql<{ definition: string; valid: boolean }[]>`
        select pg_get_indexdef(indexrelid) as definition, indisvalid as valid from pg_index join pg_class c on c.oid = indexrelid
        where relname = any(${NAMES}::text[]) order by relname`,
    )
  const build = () => buildIndexes(database, quiet().log, external)

  test('a fresh database has them', async () => {
    expect((await built()).map(({ valid }) => valid)).toEqual(NAMES.map(() => true))
  })

  test('missing and half-built ones are built, by one of two replicas, and the same as in a fresh database', async () => {
    const before = [...(await built())]
    await database.run((sql) => sql.unsafe(`drop index ${NAMES.slice(0, 3).join()}`).simple())
    if (external)
      await database.run((sql) => sql`update pg_index set indisvalid = false where indexrelid = 'urls_title'::regclass`)
    await Promise.all([build(), build()])
    await build() // the one that left it to the other
    expect([...(await built())]).toEqual(before)
  })

  test('a search for a target uses its index', async () => {
    await database.run(
      (sql) =>
        sql`insert into urls (short_code, original_url) select 'i-' || n, 'https://example.com/' || n from generate_series(1, 5000) n`,
    )
    await database.run((sql) => sql`analyze urls`)
    const plan = await database.run(
      (sql) => sql<{ 'QUERY PLAN': string }[]>`
        explain select from urls u where u.deleted_at is null
          and hashtextextended(u.original_url, 0) = hashtextextended('https://example.com/7', 0) and u.original_url = 'https://example.com/7'`,
    )
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('urls_target')
  })
})
