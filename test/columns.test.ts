// What a link's columns are said to be (src/links/columns.ts, src/redirect/columns.ts) is what PostgreSQL has, and what its trigger and
// sql/changes.sql know. With a column that the trigger forgets, no replica would hear that it changed.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Database } from '../src/database/guard.ts'
import * as links from '../src/links/columns.ts'
import { changedLinks } from '../src/redirect/changed-links.ts'
import * as redirects from '../src/redirect/columns.ts'
import { type Target, targetColumns } from '../src/redirect/target.ts'
import { databases } from './databases.ts'

const external = databases.find(({ name }) => name === 'external')
const ours = Object.entries<{ type: string; derived?: true }>(links.COLUMNS).filter(([, { derived }]) => !derived)

describe.skipIf(!external)('the columns of a link', () => {
  let database: Database
  beforeAll(async () => {
    database = await external!.open()
  })
  afterAll(() => database?.close())

  const columnsOf = (table: string) =>
    database.run(
      (sql) => sql<{ name: string; type: string }[]>`
        select column_name::text as name, udt_name::text as type from information_schema.columns
        where table_schema = current_schema() and table_name = ${table} order by ordinal_position`,
    )

  test('are those of urls, and an import stages each that a file may have', async () => {
    expect((await columnsOf('urls')).map(({ name, type }) => [name, type])).toEqual(ours.map(([name, { type }]) => [name, type]))
    const staged = new Map((await columnsOf('import_links')).map(({ name, type }) => [name, type]))
    for (const name of [...links.IMPORTED, 'location'] as const)
      expect([name, staged.get(name)]).toEqual([name, links.COLUMNS[name].type])
  })

  test('that a redirect obeys are compared by urls_changed, which makes replicas hear of a change', async () => {
    const [row] = await database.run(
      (sql) => sql<{ definition: string }[]>`select pg_get_functiondef('urls_changed'::regproc) as definition`,
    )
    const compared = (record: string) =>
      [...row!.definition.matchAll(new RegExp(`\\(${record}\\.short_code, [^)]*\\)`, 'g'))].flatMap(([tuple]) =>
        [...tuple.matchAll(/\.(\w+)/g)].map(([, name]) => name!),
      )
    const obeyed = new Set([...redirects.SELECT_LIST.matchAll(/\bu\.(\w+)/g)].map(([, name]) => name!))
    for (const itself of ['id', 'alias_of', 'version']) expect(obeyed.delete(itself)).toBe(true) // two never change, the third tells of changes
    expect(compared('new').toSorted()).toEqual([...obeyed].sort())
    expect(compared('old')).toEqual(compared('new'))
  })

  test('travel through the change feed as every other reader selects them', async () => {
    await database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, location, is_active, deleted_at) values
          ('as-given', 'https://example.com/', null, true, null), ('encoded', 'https://example.com/ü', 'https://example.com/%C3%BC', true, null),
          ('off', 'https://example.com/off', null, false, null), ('gone', null, null, false, now())`,
    )
    await database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, valid_from, max_clicks)
        values ('ruled', 'https://example.com/ruled', '2030-01-01T00:00:00Z', 3)`,
    )
    const fed = await database.run((sql) => sql.unsafe<(Target & Record<string, unknown>)[]>(changedLinks, ['1:1:']))
    const selected = await database.run((sql) => sql<Target[]>`select ${targetColumns(sql)} from urls u`)
    expect(fed.columns.map(({ name }) => name)).toEqual(['identity', 'snapshot', 'policy', ...redirects.NAMES])
    const rows = (list: Target[]) =>
      list
        .map((row) => Object.fromEntries(redirects.NAMES.map((name) => [name, row[name]])))
        .toSorted((a, b) => Number(a.id) - Number(b.id))
    expect(rows(fed)).toEqual(rows(selected))
    expect(selected.map(({ code }) => code).toSorted()).toEqual(['as-given', 'encoded', 'gone', 'off', 'ruled'])
    expect(selected.find(({ code }) => code === 'ruled')!.extra).toBe('{"valid_from": 1893456000000, "click_limit": 2}')
    for (const row of selected) expect(redirects.rowOf(row.code, row)).toEqual({ ...row })
  })
})
