// Pages with high numbers: each row once, whatever the order, and an end; what changes in the meantime; and the lists that have none.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const LINKS = 10_900
const target = 'https://example.com/a/page'

describe.each(databases)('pages with high numbers on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, UNLIMITED)
    await server.database.run(
      (sql) => sql`
        with owners as (
          insert into users (username, email) select 'user-' || n, 'user-' || n || '@example.com' from generate_series(1, ${LINKS}) n returning id),
        one as (select min(id) as id, count(*) as users from owners),
        made as (
          insert into urls (short_code, original_url, user_id, title, deleted_at)
          select 'deep-' || n, ${target}, one.id, 'T' || n, case when n % 100 = 0 then now() end from one, generate_series(1, ${LINKS}) n
          returning id, short_code, user_id),
        logged as (
          insert into events (id, url_id, user_id, event_type)
          select event_id_at(now()) + 2 * substr(short_code, 6)::int, id, user_id, 'created' from made where id % 2 = 0)
        insert into clicks (id, url_id, timestamp, details)
        select event_id_at(now()) + 2 * substr(short_code, 6)::int + 1, id, now(), '{}' from made`,
      60_000,
    )
  })
  beforeAll(() => server.database.run((sql) => sql`analyze`.simple(), 60_000)) // as an import does, and the housekeeping of a database
  afterAll(() => server.stop())

  const idsOf = (body: { id: number }[]) => body.map(({ id }) => id)
  const page = async (path: string, number: number) => {
    const { status, body, headers } = await server.get(`${path}${path.includes('?') ? '&' : '?'}per_page=100&page=${number}`)
    if (status !== 200) throw new Error(`${path} ${number}: ${status} ${JSON.stringify(body)}`)
    return { ids: idsOf(body), total: headers.get('x-total-count'), next: headers.get('x-next-cursor') }
  }
  const allOf = (table: string) =>
    server.database.run((sql) => sql.unsafe<{ id: number }[]>(`select id from ${table} order by id`)).then(idsOf)

  const LISTS: [path: string, rows: string][] = [
    ['/urls', 'urls where deleted_at is null'],
    ['/urls?user_id=1', 'urls where deleted_at is null'],
    ['/urls?is_active=true', 'urls where deleted_at is null'],
    ['/users', 'users'],
    ['/events', '(select id from events union all select id from clicks) as both_kinds'],
    ['/events?event_type=click', 'clicks'],
  ]
  const known = new Map<string, number[]>()
  const rowsOf = async (rows: string) => known.get(rows) ?? known.set(rows, await allOf(rows)).get(rows)!

  test.each(LISTS)('%s is whole in either order, and ends', async (path, rows) => {
    const all = await rowsOf(rows)
    for (const [order, expected] of [
      ['asc', all],
      ['desc', all.toReversed()],
    ] as const) {
      const query = `${path}${path.includes('?') ? '&' : '?'}order=${order}`
      const last = Math.ceil(all.length / 100)
      for (const number of [1, 2, 100, 101, 102, 103, last - 1, last, last + 1, 10 ** 12])
        expect([query, number, (await page(query, number)).ids]).toEqual([
          query,
          number,
          expected.slice((number - 1) * 100, number * 100),
        ])
    }
  })

  test('a row that is added is on the last page, and one that is deleted skips no other', async () => {
    const before = await rowsOf('urls where deleted_at is null')
    const last = Math.ceil((before.length + 1) / 100)
    await page('/urls', last)
    const { body } = await server.post('/urls', { original_url: target })
    expect((await page('/urls', last)).ids.at(-1)).toBe(body.id)
    expect((await page('/urls?order=desc', 101)).ids[0]).toBe(before.at(-10_000)!)
    await server.call('DELETE', `/urls/${before[5]}`)
    const seen: number[] = []
    for (let number = 100; number <= last; number++) seen.push(...(await page('/urls', number)).ids)
    expect([...before.slice(9_901), body.id].filter((id) => !seen.includes(id))).toEqual([])
  })

  test('the cursor after a page with a high number continues', async () => {
    const { ids, next } = await page('/urls', 103)
    const { body } = await server.get(`/urls?per_page=100&cursor=${next}`)
    expect([next, idsOf(body)]).toEqual([String(ids.at(-1)), (await page('/urls', 104)).ids])
  })

  test.each([
    [2_000, '/urls?sort=created', '/urls?sort=clicks&user_id=1'],
    [10_000, '/urls?state=active', '/urls?q=deep'],
    [10_000, '/events?user_id=1', '/events?user_id=1&event_type=click'],
  ])('beyond %d rows of %s, %s, a cursor is necessary', async (rows, ...paths) => {
    for (const path of paths) {
      expect([path, (await server.get(`${path}&per_page=100&page=${rows / 100 + 1}`)).status]).toEqual([path, 200])
      const { status, body } = await server.get(`${path}&per_page=100&page=${rows / 100 + 2}`)
      expect([path, status, body.details?.[0].field]).toEqual([path, 400, 'page'])
      expect(body.error).toContain('use cursor')
    }
  })

  test('a list with up to 10,000 rows just ends', async () => {
    for (const path of [
      '/urls?sort=created&q=deep-10',
      '/urls?state=inactive',
      '/urls?q=deep-10',
      '/urls?user_id=2',
      '/events?user_id=2',
    ])
      expect([path, (await page(path, 10 ** 12)).ids]).toEqual([path, []])
  })

  test('after an import, pages are counted again', async () => {
    const [first] = await rowsOf('urls where deleted_at is null')
    await page('/urls', 103)
    await server.database.run((sql) => sql`update urls set deleted_at = now() where id < ${first! + 50} and deleted_at is null`)
    const form = new FormData()
    form.append('file', new Blob([`short_code,original_url\nfrom-a-file,${target}\n`]), 'urls.csv')
    expect((await server.post('/urls/bulk', form)).status).toBe(201)
    const now = await allOf('urls where deleted_at is null')
    expect((await page('/urls', 103)).ids[0]).toBe(now[10_200])
  })
})
