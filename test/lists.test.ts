// Lists that are whole: cursors, pages and Link, totals, and 304 for what did not change.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const target = 'https://example.com/a/page'

describe.each(databases)('lists on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
    await server.database.run(
      (sql) => sql`insert into urls (short_code, original_url) select 'code-' || n, ${target} from generate_series(1, 333) n`,
    )
  })
  afterAll(() => server.stop())

  test('a cursor walks every row once, while others are inserted and deleted', async () => {
    const before = await server.database.run((sql) => sql<{ id: number }[]>`select id from urls order by id`)
    let walking = true
    const inserting = (async () => {
      while (walking) await server.post('/urls', { original_url: target })
    })()
    const seen: number[] = []
    for (let cursor = '0'; seen.length < 5_000; ) {
      const { status, body, headers } = await server.get(`/urls?per_page=10&cursor=${cursor}`)
      expect([status, headers.get('link')]).toEqual([200, null])
      seen.push(...body.map(({ id }: { id: number }) => id))
      if (seen.length === 50) await server.call('DELETE', `/urls/${seen[3]}`) // one that was read moves nothing
      if (seen.length === 100) walking = false // else there would be no end
      const next = headers.get('x-next-cursor')
      if (!next) break
      cursor = next
    }
    await inserting
    expect(new Set(seen).size).toBe(seen.length)
    expect(before.filter(({ id }) => !seen.includes(id))).toEqual([])
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.length).toBeGreaterThan(before.length)
  })

  test('Link leads through all pages, keeps the filter, and ends', async () => {
    const seen: number[] = []
    let path: string | undefined = '/urls?q=code-&per_page=50&page=1'
    let pages = 0
    while (path && pages < 20) {
      const { body, headers } = await server.get(path)
      const links = linksOf(headers.get('link'))
      seen.push(...body.map(({ id }: { id: number }) => id))
      pages++
      expect(links.first).toBe('/urls?q=code-&per_page=50&page=1')
      expect(links.last).toBe('/urls?q=code-&per_page=50&page=7')
      expect(links.prev).toBe(pages === 1 ? undefined : `/urls?q=code-&per_page=50&page=${pages - 1}`)
      path = links.next
    }
    expect([pages, seen.length, new Set(seen).size]).toEqual([7, 332, 332])
    const past = await server.get('/urls?q=code-&per_page=50&page=99')
    expect(past.body).toEqual([])
    expect(linksOf(past.headers.get('link'))).toMatchObject({ prev: '/urls?q=code-&per_page=50&page=7' })
  })

  test('per_page and page are clamped', async () => {
    for (const [query, rows] of [
      ['per_page=0', 1],
      ['per_page=-1', 1],
      ['per_page=1000000000', 100],
      ['per_page=abc', 20],
      ['per_page=1e2', 100],
      ['per_page=2.9', 2],
      ['page=-5&per_page=3', 3],
      ['page=99999999999999999999', 0],
      ['', 20],
    ] as const) {
      const { status, body } = await server.get(`/urls?${query}`)
      expect([query, status, body.length]).toEqual([query, 200, rows])
    }
  })

  test('an answer that did not change is 304', async () => {
    for (const path of ['/urls/1', '/urls?q=code-1', '/urls/code-1/stats', '/users', '/openapi.json']) {
      const first = await server.get(path)
      const etag = first.headers.get('etag')!
      expect([path, first.status, etag]).toEqual([path, 200, expect.stringMatching(/^W\/"\w+"$/)])
      for (const known of [etag, `"other", ${etag}`, '*']) {
        const again = await server.get(path, { 'if-none-match': known })
        expect([path, known, again.status, again.text, again.headers.get('etag')]).toEqual([path, known, 304, '', etag])
      }
      expect((await server.get(path, { 'if-none-match': '"other"' })).status).toBe(200)
    }
    const { headers } = await server.get('/urls/1')
    await server.call('PATCH', '/urls/1', { title: 'changed' })
    const changed = await server.get('/urls/1', { 'if-none-match': headers.get('etag')! })
    expect([changed.status, changed.body.title]).toEqual([200, 'changed'])
    expect(changed.headers.get('etag')).not.toBe(headers.get('etag'))
  })

  test('the total of a filter follows each change at once', async () => {
    const totals = async () =>
      Promise.all(
        ['is_active=true', 'is_active=false', 'tag=counted', 'state=inactive'].map(async (query) => {
          const { headers } = await server.get(`/urls?${query}`)
          return Number(headers.get('x-total-count'))
        }),
      )
    const [active, inactive, tagged, state] = (await totals()) as [number, number, number, number]
    const { body } = await server.post('/urls', { original_url: target, tags: ['counted'] })
    expect(await totals()).toEqual([active + 1, inactive, tagged + 1, state])
    await server.call('PATCH', `/urls/${body.id}`, { is_active: false })
    expect(await totals()).toEqual([active, inactive + 1, tagged + 1, state + 1])
    await server.call('PATCH', '/urls/bulk', { ids: [body.id], set: { is_active: true, remove_tags: ['counted'] } })
    expect(await totals()).toEqual([active + 1, inactive, tagged, state])
    await server.call('DELETE', `/urls/${body.id}`)
    expect(await totals()).toEqual([active, inactive, tagged, state])
  })

  test('totals are exact up to 10,000 rows, and said to be inexact beyond', async () => {
    const [counted] = await server.database.run(
      (sql) => sql<{ n: number }[]>`select count(*) as n from urls where deleted_at is null`,
    )
    const add = (n: number) =>
      server.database.run(
        (sql) => sql`insert into urls (short_code, original_url) select 'more-' || max(u.id) || '-' || n, ${target}
        from urls u, generate_series(1, ${n}) n group by n`,
        60_000,
      )
    await add(10_000 - counted!.n)
    await Bun.sleep(150) // the kept total is 0.1 s old at most
    for (const path of ['/urls?is_active=true', '/urls']) {
      const { headers } = await server.get(path)
      expect([path, headers.get('x-total-count'), headers.get('x-total-exact')]).toEqual([path, '10000', null])
      expect(linksOf(headers.get('link')).last).toContain('page=500')
    }
    await add(1)
    await Bun.sleep(150)
    for (const path of ['/urls?is_active=true', '/urls']) {
      const { headers } = await server.get(path)
      expect([path, headers.get('x-total-exact')]).toEqual([path, 'false'])
      expect(Number(headers.get('x-total-count'))).toBeGreaterThanOrEqual(10_000)
      expect(linksOf(headers.get('link'))).toEqual({ first: expect.any(String), next: expect.any(String) })
    }
    const rows = await server.get('/urls?is_active=true&page=101&per_page=100')
    expect(rows.body).toHaveLength(1)
    expect(linksOf(rows.headers.get('link')).next).toBeUndefined()
  })
})

function linksOf(header: string | null): Record<string, string | undefined> {
  return Object.fromEntries([...(header ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, path, rel]) => [rel, path]))
}
