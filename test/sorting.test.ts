// Lists in the order of clicks, last click, title and creation: whole, with ties and missing values, page by page.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomFrom } from '../survive/random.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const LINKS = 240
const MANY = 10_050 // more than are sorted at once
const random = randomFrom(printedSeed('sorting'))

type Row = {
  id: number
  clicks: number
  last_click: string | null
  title: string | null
  created_at: string
  user_id: number | null
}
type Sort = 'clicks' | 'last_click' | 'title' | 'created'

const day = (n: number) => `2026-01-${String(n).padStart(2, '0')}T00:00:00.000Z`

/** What the list says of a row, as it is compared; null where it has nothing. */
const VALUES: Record<Sort, (row: Row) => string | number | null> = {
  clicks: ({ clicks }) => clicks || null,
  last_click: ({ last_click }) => last_click,
  title: ({ title }) => title?.toLowerCase().slice(0, 60) ?? null,
  created: ({ created_at }) => created_at,
}

/** Ids in order, by the rules in docs/api.md. */
function inOrder(rows: Row[], sort: Sort, descending: boolean): number[] {
  const missingFirst = !descending && (sort === 'clicks' || sort === 'last_click')
  const sign = descending ? -1 : 1
  return rows
    .toSorted((a, b) => {
      const [x, y] = [VALUES[sort](a), VALUES[sort](b)]
      if ((x === null) !== (y === null)) return (x === null) === missingFirst ? -1 : 1
      if (x !== null && y !== null && x !== y) return (x < y ? -1 : 1) * sign
      return (a.id - b.id) * sign
    })
    .map(({ id }) => id)
}

describe.each(databases)('lists in another order on the $name database', (kind) => {
  let server: TestServer
  let rows: Row[]
  beforeAll(async () => {
    server = await serveOn(kind, UNLIMITED)
    for (const username of ['ada', 'bob']) await server.post('/users', { username, email: `${username}@example.com` })
    const some = Array.from({ length: LINKS }, (_, i) => ({
      short_code: `sorted-${i}`,
      original_url: `https://example.com/${i % 3 === 0 ? 'third' : 'other'}/${i}`,
      user_id: random.of([1, 2, null]),
      title: random.of([null, 'a', 'B', 'b', 'ba', '', `${'long '.repeat(12)}x`, `${'long '.repeat(12)}a`, 'Ümlaut']),
      created_at: day(random.of([1, 2, 3, 4])),
      deleted: i % 12 === 5,
      clicks: random.of([undefined, 0, 1, 2, 2, 3, 100]),
      last_click: day(random.of([11, 12, 13])),
    }))
    await server.database.run(
      (sql) => sql`
        with given as (select * from json_to_recordset(${JSON.stringify(some)}::text::json)
            as g (short_code text, original_url text, user_id bigint, title text, created_at timestamptz, clicks bigint, last_click timestamptz)),
          made as (
            insert into urls (short_code, original_url, user_id, title, created_at)
            select short_code, original_url, user_id, title, created_at from given returning id, short_code)
        insert into link_totals (url_id, clicks, last_click)
        select id, clicks, case when clicks > 0 then last_click end from made join given using (short_code) where clicks is not null`,
    )
    for (const { short_code } of some.filter(({ deleted }) => deleted)) {
      const { body } = await server.get(`/urls?code=${short_code}`)
      await server.call('DELETE', `/urls/${body[0].id}`)
    }
    rows = await server.database.run(
      (sql) => sql<Row[]>`
        select u.id, u.title, u.created_at, u.user_id, coalesce(t.clicks, 0) as clicks, t.last_click
        from urls u left join link_totals t on t.url_id = u.id where deleted_at is null`,
    )
    rows = rows.map((row) => ({
      ...row,
      created_at: new Date(row.created_at).toISOString(),
      last_click: row.last_click && new Date(row.last_click).toISOString(),
    }))
  })
  afterAll(() => server.stop())

  const idsOf = (body: { id: number }[]) => body.map(({ id }) => id)

  async function walk(query: string): Promise<number[]> {
    const seen: number[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer = await server.get(`/urls?${query}${cursor && `&cursor=${cursor}`}`)
      if (answer.status !== 200) throw new Error(answer.text)
      seen.push(...idsOf(answer.body))
      cursor = answer.headers.get('x-next-cursor')
      if (seen.length > 2 * MANY) throw new Error('there is no end')
    }
    return seen
  }

  const FILTERS: [name: string, query: string, matches: (row: Row) => boolean][] = [
    ['all links', '', () => true],
    ['links of a user', 'user_id=1', ({ user_id }) => user_id === 1],
    ['a search', 'q=sorted-1', ({ id }) => codes().get(id)!.includes('sorted-1')],
    ['no match', 'q=nothing-has-this', () => false],
  ]
  let known: Map<number, string> | undefined
  const codes = () => (known ??= new Map(rows.map(({ id }) => [id, codesById.get(id)!])))
  let codesById: Map<number, string>
  beforeAll(async () => {
    const all = await server.database.run((sql) => sql<{ id: number; short_code: string }[]>`select id, short_code from urls`)
    codesById = new Map(all.map(({ id, short_code }) => [id, short_code]))
  })

  describe.each(FILTERS)('of %s', (_, filter, matches) => {
    test.each(
      (['clicks', 'last_click', 'title', 'created'] as const).flatMap((sort) => [
        [sort, 'asc'] as const,
        [sort, 'desc'] as const,
      ]),
    )('by %s, %s', async (sort, order) => {
      const expected = inOrder(rows.filter(matches), sort, order === 'desc')
      const query = `sort=${sort}&order=${order}${filter && `&${filter}`}`
      for (const size of [7, 100]) expect([size, await walk(`${query}&per_page=${size}`)]).toEqual([size, expected])
      for (const page of [1, 2, 5, 30]) {
        const { body, headers } = await server.get(`/urls?${query}&per_page=9&page=${page}`)
        expect([page, idsOf(body)]).toEqual([page, expected.slice((page - 1) * 9, page * 9)])
        expect(headers.get('x-total-count')).toBe(String(expected.length))
      }
    })
  })

  test('a cursor of another order gets 400', async () => {
    const { headers } = await server.get('/urls?sort=created&per_page=1')
    const { status, body } = await server.get(`/urls?sort=last_click&per_page=1&cursor=${headers.get('x-next-cursor')}`)
    expect([status, body.details[0].field]).toEqual([400, 'cursor'])
  })

  test('a link that is clicked, or deleted, moves at once', async () => {
    const top = async () => (await server.get('/urls?sort=clicks&order=desc&per_page=1')).body[0]
    const { body } = await server.post('/urls', { original_url: 'https://example.com/popular' })
    for (let n = 0; n < 101; n++) await server.post('/events', { event_type: 'click', url_id: body.id })
    const { id, click_count, last_click } = await top()
    expect([id, click_count, last_click]).toEqual([body.id, 101, expect.any(String)])
    await server.call('DELETE', `/urls/${body.id}`)
    expect((await top()).id).not.toBe(body.id)
  })

  test('more links than are sorted at once are found by an index, with the same result', async () => {
    await server.database.run(
      (sql) => sql`
        with made as (
          insert into urls (short_code, original_url, user_id, title, created_at)
          select 'many-' || n, 'https://example.com/many/' || n, 2, case when n % 3 > 0 then 'T' || n % 7 end, ${day(5)}::timestamptz + n % 9 * interval '1 h'
          from generate_series(1, ${MANY}) n returning id)
        insert into link_totals (url_id, clicks, last_click)
        select id, id % 5, case when id % 5 > 0 then ${day(14)}::timestamptz + id % 4 * interval '1 h' end from made where id % 6 > 0`,
      60_000,
    )
    const many = await server.database.run(
      (sql) => sql<Row[]>`
        select u.id, u.title, u.created_at, u.user_id, coalesce(t.clicks, 0) as clicks, t.last_click
        from urls u left join link_totals t on t.url_id = u.id where deleted_at is null and u.user_id = 2`,
    )
    for (const sort of ['clicks', 'last_click', 'title', 'created'] as const)
      for (const order of ['asc', 'desc']) {
        const query = `user_id=2&sort=${sort}&order=${order}&per_page=100`
        const expected = inOrder(many, sort, order === 'desc')
        expect([query, await walk(query)]).toEqual([query, expected])
        for (const page of [1, 17, 21]) {
          const first = await server.get(`/urls?${query}&page=${page}`)
          const next = await server.get(`/urls?${query}&cursor=${first.headers.get('x-next-cursor') ?? ''}`)
          const from = (page - 1) * 100
          expect([query, page, idsOf(first.body)]).toEqual([query, page, expected.slice(from, from + 100)])
          expect([query, page, idsOf(next.body)]).toEqual([query, page, expected.slice(from + 100, from + 200)])
          expect(first.headers.get('x-total-exact')).toBe('false')
        }
      }
  }, 120_000)
})
