// Changes and deletions of many links: by ids and by filter, in chunks, as many single ones would do.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-admin-token-of-32-characters-or-more'

describe.each(databases)('many links on the $name database', (kind) => {
  let server: TestServer
  let ada: number
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
    ada = (await server.post('/users', { username: 'ada', email: 'ada@example.com' })).body.id
  })
  afterAll(() => server.stop())

  let groups = 0
  /** Links whose codes begin with the same new word. */
  async function make(count: number, more: Record<string, unknown> = {}): Promise<{ word: string; ids: number[] }> {
    const word = `group${++groups}x`
    const rows = await server.database.run(
      (sql) => sql<{ id: number }[]>`
        insert into urls (short_code, original_url, user_id, is_active, valid_from)
        select ${`${word}-`} || n, 'https://example.com/' || n, ${(more.user_id as number) ?? null}, ${more.is_active !== false}, ${(more.valid_from as string) ?? null}
        from generate_series(1, ${count}) n returning id`,
      30_000,
    )
    return { word, ids: rows.map(({ id }) => id) }
  }
  const change = (body: object, extra?: Record<string, string>) => server.call('PATCH', '/urls/bulk', body, extra)
  const remove = (body: object, extra?: Record<string, string>) => server.call('DELETE', '/urls/bulk', body, extra)
  const link = async (id: number) => (await server.get(`/urls/${id}`)).body
  const eventsOf = async (id: number, type: string) =>
    (await server.get(`/urls/${id}/events`)).body.filter(({ event_type }: { event_type: string }) => event_type === type)
  const total = async (query: string) => Number((await server.get(`/urls?${query}&per_page=1`)).headers.get('x-total-count'))

  test('change by id; unknown, repeated and deleted ids do not count', async () => {
    const { ids } = await make(5)
    await server.call('DELETE', `/urls/${ids[4]}`)
    const { status, body } = await change({ ids: [...ids, ids[0], 2 ** 40], set: { title: 'New', note: 'n', is_active: false } })
    expect([status, body]).toEqual([200, { matched: 4, changed: 4, refused: 0 }])
    expect(await link(ids[2]!)).toMatchObject({ title: 'New', note: 'n', is_active: false, state: 'inactive' })
    const updated = await eventsOf(ids[2]!, 'updated')
    expect(updated.map(({ details }: any) => [details.field, details.old_value, details.new_value, details.by]).sort()).toEqual([
      ['is_active', true, false, 'admin-token'],
      ['note', null, 'n', 'admin-token'],
      ['title', null, 'New', 'admin-token'],
    ])
    const again = await change({ ids, set: { title: 'New' } })
    expect(again.body).toEqual({ matched: 4, changed: 0, refused: 0 })
    expect(await eventsOf(ids[2]!, 'updated')).toHaveLength(3)
  })

  test('visitors see the change at once', async () => {
    const { word, ids } = await make(3)
    for (const n of [1, 2]) expect((await server.get(`/${word}-${n}`)).status).toBe(302)
    await change({ ids: ids.slice(0, 2), set: { original_url: 'https://example.com/moved' } })
    expect((await server.get(`/${word}-1`)).headers.get('location')).toBe('https://example.com/moved')
    await remove({ ids: [ids[1]!] })
    expect((await server.get(`/${word}-2`)).status).toBe(404)
    expect((await server.get(`/${word}-3`)).status).toBe(302)
  })

  test('change by filter, in several chunks, and only what matches', async () => {
    const { word, ids } = await make(1_234)
    const others = await make(3)
    await change({ ids: ids.slice(0, 34), set: { is_active: false } })
    const filter = { q: word, is_active: true }
    expect((await change({ filter, set: { title: 'T' }, dry_run: true })).body).toEqual({
      matched: 1_200,
      changed: 1_200,
      refused: 0,
    })
    expect((await link(ids[100]!)).title).toBeNull()
    expect((await change({ filter, set: { title: 'T' } })).body).toEqual({ matched: 1_200, changed: 1_200, refused: 0 })
    expect([(await link(ids[0]!)).title, (await link(ids[1_233]!)).title, (await link(others.ids[0]!)).title]).toEqual([
      null,
      'T',
      null,
    ])
    // What it changes may be what it matches by.
    expect((await change({ filter, set: { is_active: false } })).body).toEqual({ matched: 1_200, changed: 1_200, refused: 0 })
    expect(await total(`q=${word}&is_active=true`)).toBe(0)
  })

  test('delete by filter; the codes stay taken', async () => {
    const { word, ids } = await make(700)
    expect((await remove({ filter: { q: word }, dry_run: true })).body).toEqual({ matched: 700, changed: 700, refused: 0 })
    expect(await total(`q=${word}`)).toBe(700)
    expect((await remove({ filter: { q: word }, reason: 'campaign over' })).body).toEqual({
      matched: 700,
      changed: 700,
      refused: 0,
    })
    expect(await total(`q=${word}`)).toBe(0)
    const [{ details }] = await eventsOf(ids[650]!, 'deleted')
    expect(details).toMatchObject({ reason: 'campaign over', by: 'admin-token' })
    expect((await server.post('/urls', { original_url: 'https://example.com/', short_code: `${word}-1` })).status).toBe(409)
    expect((await remove({ filter: { q: word } })).body).toEqual({ matched: 0, changed: 0, refused: 0 })
  })

  test('each filter of the list selects what the list shows', async () => {
    const { word } = await make(2, { user_id: ada })
    const { ids } = await make(2, { is_active: false })
    await change({ ids, set: { add_tags: ['red'] } })
    await change({ ids: ids.slice(1), set: { add_tags: ['blue'] } })
    expect(await total('tag=red,blue')).toBe(1)
    const rows: [filter: Record<string, unknown>, query: string][] = [
      [{ user_id: ada }, `user_id=${ada}`],
      [{ user_id: String(ada) }, `user_id=${ada}`],
      [{ is_active: false }, 'is_active=false'],
      [{ state: 'inactive' }, 'state=inactive'],
      [{ blocked: false, q: word }, `blocked=false&q=${word}`],
      [{ code: `${word}-1` }, `code=${word}-1`],
      [{ q: `${server.base}/${word}-2` }, `code=${word}-2`],
      [{ tag: 'red' }, 'tag=red'],
      [{ tag: ['red', 'Blue'] }, 'tag=red&tag=blue'],
      [{ tag: ['red', 'blue'], tags: 'any' }, 'tag=red,blue&tags=any'],
      [{ target: 'https://example.com/2' }, 'target=https%3A%2F%2Fexample.com%2F2'],
      [{ all: true }, ''],
    ]
    for (const [filter, query] of rows) {
      const { status, body } = await change({ filter, set: { note: 'x' }, dry_run: true })
      expect([filter, status, body?.matched]).toEqual([filter, 200, await total(query)])
    }
    expect((await link(ids[0]!)).note).toBeNull()
  })

  test('a link whose window would end before it begins stays as it is', async () => {
    const { ids } = await make(2)
    const later = await make(2, { valid_from: '2050-01-01T00:00:00Z' })
    const set = { valid_until: '2040-01-01T00:00:00Z', title: 'W' }
    const all = [...ids, ...later.ids]
    expect((await change({ ids: all, set, dry_run: true })).body).toEqual({ matched: 4, changed: 2, refused: 2 })
    expect((await change({ ids: all, set })).body).toEqual({ matched: 4, changed: 2, refused: 2 })
    expect([(await link(ids[0]!)).title, (await link(later.ids[0]!)).title]).toEqual(['W', null])
  })

  test('rules, including a password, are set and cleared as for one link', async () => {
    const { word, ids } = await make(2)
    await change({ ids, set: { password: 'open sesame', max_clicks: 5 } })
    expect(await link(ids[0]!)).toMatchObject({ password: true, max_clicks: 5, clicks_left: 5 })
    expect((await server.get(`/${word}-1`)).status).not.toBe(302)
    for (const { details } of await eventsOf(ids[0]!, 'updated')) expect(JSON.stringify(details)).not.toContain('argon')
    await change({ ids, set: { password: null, max_clicks: null } })
    expect((await server.get(`/${word}-1`)).status).toBe(302)
  })

  test('a key that is bound to a user changes only that user’s links', async () => {
    const own = await make(2, { user_id: ada })
    const others = await make(2)
    const { body } = await server.post('/api/keys', { name: 'bound', scope: 'write', user_id: ada })
    const as = { authorization: `Bearer ${body.key}` }
    const ids = [...own.ids, ...others.ids]
    expect((await change({ ids, set: { title: 'Mine' } }, as)).body).toEqual({ matched: 2, changed: 2, refused: 0 })
    expect((await change({ filter: { q: others.word }, set: { title: 'Mine' } }, as)).body.matched).toBe(0)
    expect((await remove({ ids }, as)).body).toEqual({ matched: 2, changed: 2, refused: 0 })
    expect((await link(others.ids[0]!)).title).toBeNull()
    const reader = await server.post('/api/keys', { name: 'reader', scope: 'read' })
    expect((await remove({ ids }, { authorization: `Bearer ${reader.body.key}` })).status).toBe(403)
  })

  test('single changes at the same time are neither lost nor undone', async () => {
    const { word, ids } = await make(1_500)
    const [bulk] = await Promise.all([
      change({ filter: { q: word }, set: { title: 'bulk' } }),
      ...ids.slice(-40).map((id) => server.call('PATCH', `/urls/${id}`, { note: 'single' })),
      ...ids.slice(0, 20).map((id) => server.call('DELETE', `/urls/${id}`)),
    ])
    expect([bulk!.status, bulk!.body.matched >= 1_480]).toEqual([200, true])
    for (const id of ids.slice(-40)) expect(await link(id)).toMatchObject({ title: 'bulk', note: 'single' })
    for (const id of ids.slice(0, 20)) expect((await server.get(`/urls/${id}`)).status).toBe(404)
  })

  test('a chunk that is too large for the database is split', async () => {
    const { word } = await make(600)
    await server.database.run((sql) =>
      sql
        .unsafe(`create function refuse_many() returns trigger language plpgsql as $$ begin
            if (select count(*) from changed) > 100 then raise exception 'too much' using errcode = '57014'; end if;
            return null;
          end $$;
          create trigger refuse_many after update on urls referencing new table as changed for each statement execute function refuse_many()`)
        .simple(),
    )
    try {
      expect((await change({ filter: { q: word }, set: { title: 'parts' } })).body).toEqual({
        matched: 600,
        changed: 600,
        refused: 0,
      })
    } finally {
      await server.database.run((sql) => sql.unsafe('drop trigger refuse_many on urls; drop function refuse_many').simple())
    }
  })

  test('a client that leaves stops it between chunks; a repeated request does the rest', async () => {
    const { word, ids } = await make(3_000)
    const titled = async () =>
      (
        await server.database.run(
          (sql) => sql<{ n: number }[]>`select count(*) as n from urls where title = 'left' and id = any(${ids}::bigint[])`,
        )
      )[0]!.n
    const gate = await heldAt(server, ids[1_200]!)
    const leaving = new AbortController()
    const body = JSON.stringify({ filter: { q: word }, set: { title: 'left' } })
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
    const request = fetch(`${server.base}/urls/bulk`, { method: 'PATCH', body, headers, signal: leaving.signal }).catch(() => {})
    if (gate) await until('a later chunk waits', async () => (await titled()) > 0 && (await isWaiting(server)))
    const before = await titled()
    leaving.abort()
    await request
    await gate?.()
    if (gate) {
      await until('it has stopped', async () => !(await isBusy(server)))
      const after = await titled()
      expect(after).toBeGreaterThan(before) // the chunk in flight was still done
      expect(after).toBeLessThanOrEqual(before + 500) // a page of the search may end within a chunk
    }
    expect((await change({ filter: { q: word }, set: { title: 'left' } })).body.matched).toBe(3_000)
    expect(await titled()).toBe(3_000)
  })
})

/** Holds a link's row, so that the chunk with it waits; returns what lets go. Undefined with the one session of the embedded database. */
async function heldAt(server: TestServer, id: number): Promise<(() => Promise<unknown>) | undefined> {
  if (!process.env.TEST_DATABASE_URL && server.database.place().kind === 'embedded') return undefined
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = server.database.transaction(async (sql) => {
    await sql`select from urls where id = ${id} for update`
    locked.resolve()
    await held.promise
  }, 60_000)
  await locked.promise
  return () => {
    held.resolve()
    return holding
  }
}

async function isBusy(server: TestServer): Promise<boolean> {
  const [row] = await server.database.run(
    (sql) => sql<{ busy: boolean }[]>`
      select exists (select from pg_stat_activity where datname = current_database() and state = 'active' and query like '%matching as materialized%'
        and pid <> pg_backend_pid()) as busy`,
  )
  return row!.busy
}

async function isWaiting(server: TestServer): Promise<boolean> {
  return (await server.database.run((sql) => sql`select from pg_locks where not granted`)).length > 0
}
