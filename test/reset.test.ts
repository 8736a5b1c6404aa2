// A link's clicks are reset: nothing from before counts again, whenever it comes; nothing from afterwards is lost.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { storeClicks, watermarkOf } from '../src/clicks/store.ts'
import { DatabaseUnreachable } from '../src/database/database-unreachable.ts'
import type { Click } from '../src/journal/journal-format.ts'
import { continueResets, resetClicks } from '../src/links/reset.ts'
import { ALL_EVENTS, countAll } from './counting.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-admin-token-of-32-characters-or-more'
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0'
const BY = { by: 'server' } as const
const HOUR = 3_600_000
const COUNTS = ['click_breakdowns', 'click_series', 'click_days', 'click_months']

describe.each(databases)('a reset on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
  })
  afterAll(() => server.stop())

  const make = async (more: object = {}): Promise<number> =>
    (await server.post('/urls', { original_url: 'https://example.com/', ...more })).body.id
  const reset = (id: number, extra?: Record<string, string>) => server.call('DELETE', `/urls/${id}/clicks`, undefined, extra)
  const rows = (text: string, values: unknown[] = []) => server.database.run((sql) => sql.unsafe<any[]>(text, values as never[]))
  const statistics = async (id: number) => (await server.settled(`/urls/${id}/stats`)).body
  /** What is stored of a link's clicks. */
  async function left(id: number) {
    const tables = await Promise.all(
      COUNTS.map(async (table) => (await rows(`select count(*) as n from ${table} where url_id = $1`, [id]))[0].n as number),
    )
    const [events] = await rows(`select count(*) as n from ${ALL_EVENTS} where url_id = $1 and event_type = 'click'`, [id])
    const [total] = await rows('select clicks, bots, last_click from link_totals where url_id = $1', [id])
    return { counts: tables.reduce((sum, n) => sum + n), events: events.n, ...total }
  }
  const NOTHING = { counts: 0, events: 0, clicks: 0, bots: 0, last_click: null }

  /** A journal of another replica. */
  async function journal() {
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    let sequence = 0
    const click = (linkId: number, time: number): Click => ({
      ...{ sequence: ++sequence, linkId, time, referrer: 'a.example', userAgent: BROWSER, address: '' },
    })
    return {
      async store(...clicked: [linkId: number, time: number][]) {
        const before = sequence
        const clicks = clicked.map(([linkId, time]) => click(linkId, time))
        return storeClicks(server.database, id, before, clicks, (time) => time)
      },
      watermark: async () => (await watermarkOf(server.database, id)).watermark,
    }
  }

  test('erases counts, statistics and click events, folded ones too, and keeps the rest', async () => {
    const id = await make({ short_code: `reset-${kind.name}` })
    const other = await make()
    const { store } = await journal()
    await store([id, Date.now()], [id, Date.now() - 5 * HOUR], [other, Date.now()])
    await rows(`insert into click_days values ($1, '2026-01-01', '{3}', '{7}', '{1}')`, [id])
    await rows(`insert into click_months values ($1, '2026-01-01', 'browser', 'Chrome', '{0}', '{7}', '{1}')`, [id])
    await server.post('/events', { event_type: 'noted', url_id: id })
    for (let n = 0; n < 3; n++) await server.get(`/reset-${kind.name}`, { 'user-agent': BROWSER })
    expect((await statistics(id)).clicks).toBe(5)

    expect((await reset(id)).status).toBe(204)
    expect(await left(id)).toEqual(NOTHING)
    expect(await statistics(id)).toMatchObject({ clicks: 0, bots: 0, last_click: null, browsers: [], referrers: [] })
    expect((await statistics(other)).clicks).toBe(1)
    const { body } = await server.get(`/urls/${id}/events`)
    expect(body.map(({ event_type }: any) => event_type)).toEqual(['created', 'noted', 'reset'])
    expect(body[2].details).toEqual({ clicks: 5, bots: 0, by: 'admin-token' })
    expect((await rows('select from click_resets')).length).toBe(0)
  })

  test('of a link without clicks, of another user, of a deleted one', async () => {
    const id = await make()
    expect((await reset(id)).status).toBe(204)
    const user = (await server.post('/users', { username: `u-${kind.name}`, email: 'u@example.com' })).body.id
    const { body } = await server.post('/api/keys', { name: 'bound', scope: 'write', user_id: user })
    const as = { authorization: `Bearer ${body.key}` }
    expect((await reset(id, as)).status).toBe(404)
    expect((await reset(await make({ user_id: user }), as)).status).toBe(204)
    await server.call('DELETE', `/urls/${id}`)
    expect((await reset(id)).status).toBe(404)
  })

  test('earlier clicks that are stored later do not count; later clicks do', async () => {
    const [id, other] = [await make(), await make()]
    await reset(id)
    const { store, watermark } = await journal()
    const stored = await store(
      [id, Date.now() - HOUR],
      [other, Date.now() - HOUR],
      [id, Date.now() + 1_000],
      [id, Date.now() - 2 * HOUR],
    )
    expect([stored, await watermark()]).toEqual([{ stored: 2, leftOut: 2, rejected: 0 }, 4])
    expect(await left(id)).toMatchObject({ events: 1, clicks: 1 })
    expect(await left(other)).toMatchObject({ events: 1, clicks: 1 })
    expect(await store([id, Date.now() - HOUR])).toEqual({ stored: 0, leftOut: 1, rejected: 0 })
    expect([(await left(id)).clicks, await watermark()]).toEqual([1, 5])
    await reset(id) // again
    expect(await left(id)).toEqual(NOTHING)
    expect(await store([id, Date.now() - HOUR])).toMatchObject({ stored: 0 })
  })

  test('spent clicks stay spent', async () => {
    const id = await make({ max_clicks: 2, short_code: `spent-${kind.name}` })
    const visit = () => server.get(`/spent-${kind.name}`, { 'user-agent': BROWSER })
    expect((await visit()).status).toBe(302)
    await reset(id)
    expect((await visit()).status).toBe(302)
    expect((await visit()).status).toBe(410)
    expect((await statistics(id)).clicks).toBe(1)
  })

  test('that was interrupted is continued, and an earlier event that is deleted in the meantime is not subtracted twice', async () => {
    const id = await make()
    const { store } = await journal()
    await store([id, Date.now() - HOUR], [id, Date.now() - HOUR])
    await countAll(server.database)
    const [{ id: event }] = await rows(`select id from ${ALL_EVENTS} where url_id = $1 and event_type = 'click' order by id`, [
      id,
    ])
    const simple = (text: string) => server.database.run((sql) => sql.unsafe(text).simple())
    await simple(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;
      create trigger refuse before delete on clicks for each row execute function refuse()`)
    expect((await reset(id)).status).toBe(500)
    await simple('drop trigger refuse on clicks; drop function refuse')
    expect(await left(id)).toEqual({ ...NOTHING, events: 2 })
    await store([id, Date.now() + 1_000])
    expect((await server.call('DELETE', `/events/${event}`)).status).toBe(204)
    expect(await left(id)).toMatchObject({ events: 2, clicks: 1 })
    await continueResets(server.database)
    expect(await left(id)).toMatchObject({ events: 1, clicks: 1 })
    expect((await rows('select from click_resets')).length).toBe(0)
  })

  test.skipIf(kind.name === 'embedded')(
    // one session: nothing is in flight
    'a batch that is in flight does not bring clicks back',
    async () => {
      const held = await make() // a batch locks links in order of id
      const id = await make()
      const { store, watermark } = await journal()
      await store([id, Date.now()], [held, Date.now()])
      const release = Promise.withResolvers<void>()
      const locked = Promise.withResolvers<void>()
      // The batch waits for this row when it has read that the link was not reset yet.
      const holding = server.database.transaction(async (sql) => {
        await sql`select from link_totals where url_id = ${held} for update`
        locked.resolve()
        await release.promise
      }, 60_000)
      await locked.promise
      const storing = store([held, Date.now()], [id, Date.now() - HOUR], [id, Date.now() + 1_000])
      await until('the batch waits', async () => (await rows('select from pg_locks where not granted')).length > 0)
      await resetClicks(server.database, id, undefined, BY)
      release.resolve()
      await holding
      expect([await storing, await watermark()]).toEqual([{ stored: 2, leftOut: 1, rejected: 0 }, 5])
      expect(await left(id)).toMatchObject({ events: 1, clicks: 1 })
    },
  )

  test('many at once, with batches, clicks by the API and their deletion, leave sums that agree', async () => {
    const ids = [await make(), await make(), await make()]
    const until = Date.now() + 3_000
    const failures: string[] = []
    const repeat = async (work: (n: number) => Promise<unknown>) => {
      for (let n = 0; Date.now() < until; n++)
        await work(n).catch((error) => {
          // Three that wait for one another in a circle: PostgreSQL ends one, whose caller tries again.
          if (!(error instanceof DatabaseUnreachable)) failures.push(String(error))
        })
    }
    const drain = async () => {
      let { store } = await journal()
      await repeat(async (n) => {
        try {
          await store(
            ...ids.flatMap(
              (id) =>
                [
                  [id, Date.now() - (n % 3) * 20],
                  [id, Date.now()],
                ] as [number, number][],
            ),
          )
        } catch (error) {
          ;({ store } = await journal()) // the drain would read them again; here they are lost
          throw error
        }
      })
    }
    await Promise.all([
      drain(),
      drain(),
      drain(),
      repeat(() => countAll(server.database)),
      repeat((n) => resetClicks(server.database, ids[n % 3]!, undefined, BY)),
      repeat((n) => resetClicks(server.database, ids[(n + 1) % 3]!, undefined, BY)),
      repeat(async (n) => {
        const { body } = await server.post('/events', { event_type: 'click', url_id: ids[n % 3], details: { browser: 'Chrome' } })
        if (n % 2 === 0 && body?.id) await server.call('DELETE', `/events/${body.id}`)
      }),
    ])
    expect([...new Set(failures)]).toEqual([])
    await continueResets(server.database)
    await countAll(server.database)
    for (const id of ids) {
      const [sums] = await rows(
        `select (select count(*) from ${ALL_EVENTS} where url_id = $1 and event_type = 'click') as events,
           (select coalesce(sum(clicks), 0)::bigint from click_series where url_id = $1) as series,
           (select coalesce(sum(clicks), 0)::bigint from click_breakdowns where url_id = $1 and dimension = 'browser') as browsers,
           (select clicks from link_totals where url_id = $1) as total`,
        [id],
      )
      expect(sums).toEqual({ events: sums.total, series: sums.total, browsers: sums.total, total: sums.total })
    }
  })
})
