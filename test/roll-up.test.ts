// Clicks are stored narrow and counted later. Statistics are the same before, during and after that, and each click counts once.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { foldClicks } from '../src/clicks/fold.ts'
import { rollUp } from '../src/clicks/roll-up.ts'
import { storeClicks, watermarkOf } from '../src/clicks/store.ts'
import type { Click } from '../src/journal/journal-format.ts'
import { randomFrom } from '../survive/random.ts'
import { ALL_EVENTS, countAll } from './counting.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-admin-token-of-32-characters-or-more'
const HOUR = 3_600_000
const began = Date.now()
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'curl/8.0',
  '',
]
const asIs = (time: number) => time
const atOnce = async () => {}

describe.each(databases)('clicks on the $name database', (kind) => {
  let server: TestServer
  const random = randomFrom(printedSeed('clicks counted later'))
  const any = <T>(of: T[]): T => of[random.whole(0, of.length - 1)]!
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
  })
  afterAll(() => server.stop())

  const query = async <T extends object = any>(text: string, parameters: unknown[] = []) => [
    ...(await server.database.run((sql) => sql.unsafe<T[]>(text, parameters as never[]))),
  ]
  const make = async (more = {}) =>
    (await server.post('/urls', { original_url: 'https://example.com/', ...more })).body.id as number

  /** A journal of another replica. */
  async function journal() {
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    let sequence = 0
    return async (clicked: Partial<Click>[]) => {
      const before = sequence
      const clicks = clicked.map((click) => ({
        ...{ linkId: 0, time: Date.now(), referrer: '', userAgent: AGENTS[0]!, address: '', ...click },
        sequence: ++sequence,
      }))
      return storeClicks(server.database, id, before, clicks, asIs)
    }
  }

  const anyClicks = (links: number[], count: number, back = 20 * 24 * HOUR): Partial<Click>[] =>
    Array.from({ length: count }, () => ({
      linkId: any(links),
      time: Date.now() - random.whole(0, back),
      referrer: any(['', 'a.example', 'b.example', `${random.whole(0, 30)}.example`]),
      userAgent: any(AGENTS),
      address: any(['', '203.0.113.0', '2001:db8:7::']),
    }))

  /** What the API says of the links. */
  async function told(links: number[]) {
    const span = `?tz=Asia/Kathmandu&from=${new Date(began - 25 * 24 * HOUR).toISOString()}&to=${new Date(began).toISOString()}`
    const answers = [
      ...links.map((id) => `/urls/${id}/stats${span}`),
      `/api/tags/counted-${kind.name}/stats${span}`,
      `/api/trends?ids=${links.join()}&tz=Asia/Kathmandu`,
    ].map(async (path) => {
      const { status, body } = await server.get(path)
      expect([path, status]).toEqual([path, 200])
      return body
    })
    return Promise.all(answers)
  }

  test('are in statistics, trends and tags at once, and the same when counted in part, whole, and folded', async () => {
    const links = await Promise.all([1, 2, 3].map(() => make({ tags: [`counted-${kind.name}`] })))
    const store = await journal()
    await store(anyClicks(links, 700))
    const [seen] = await told(links)
    expect([seen.clicks > 100, seen.referrers.length > 5]).toEqual([true, true])
    const before = await told(links)
    const watermark = async () => (await query('select watermark from click_rollup'))[0].watermark
    const first = await watermark()
    const one = rollUp(server.database, () => false, atOnce)
    await until('some are counted', async () => {
      await one()
      return (await watermark()) > first
    })
    expect(await told(links)).toEqual(before)
    await store(anyClicks(links, 300))
    const more = await told(links)
    expect(more[0].clicks).toBeGreaterThan(before[0].clicks)
    await countAll(server.database)
    expect(await told(links)).toEqual(more)
    expect(await foldClicks(server.database)).toBeGreaterThan(100)
    expect(await told(links)).toEqual(more)
    const [sums] = await query(
      `select (select sum(clicks)::int from link_totals where url_id = any($1)) as totals, (select count(*)::int from clicks where url_id = any($1)) as clicks`,
      [links],
    )
    expect(sums).toEqual({ totals: 1_000, clicks: 1_000 })
  })

  test('are events as before: in lists of every order, page and filter, and one by one', async () => {
    const user = (await server.post('/users', { username: `owner-${kind.name}`, email: `o-${kind.name}@example.com` })).body.id
    const links = [await make({ user_id: user }), await make({ user_id: user }), await make()]
    const store = await journal()
    for (let n = 0; n < 4; n++) {
      await store(anyClicks(links, 9, HOUR))
      await server.post('/events', {
        event_type: n % 2 ? 'click' : 'seen',
        url_id: links[n % 3],
        details: { browser: 'Chrome', n },
      })
    }
    const all = await query(`select id, url_id, user_id, event_type, timestamp, details from ${ALL_EVENTS} order by id`)
    const expected = (which: (event: any) => boolean) => all.filter(which).map(({ id }) => id)
    for (const [filter, which] of [
      ['', () => true],
      ['event_type=click', ({ event_type }: any) => event_type === 'click'],
      ['event_type=seen', ({ event_type }: any) => event_type === 'seen'],
      [`url_id=${links[0]}`, ({ url_id }: any) => url_id === links[0]],
      [`user_id=${user}`, ({ user_id }: any) => user_id === user],
      [`user_id=${user}&url_id=${links[2]}`, () => false],
      [`user_id=${user}&event_type=click`, ({ user_id, event_type }: any) => user_id === user && event_type === 'click'],
    ] as [string, (event: any) => boolean][])
      for (const order of ['asc', 'desc']) {
        const ids = order === 'asc' ? expected(which) : expected(which).toReversed()
        const found: number[] = []
        for (let page = 1; page <= Math.ceil(ids.length / 97) + 1; page++) {
          const { body, headers } = await server.get(`/events?${filter}&order=${order}&per_page=97&page=${page}`)
          found.push(...body.map(({ id }: any) => id))
          expect(headers.get('x-total-count')).toBe(String(ids.length))
        }
        expect([filter, order, found]).toEqual([filter, order, ids])
        const walked: number[] = []
        for (let cursor: string | null = ''; cursor !== null; ) {
          const { body, headers } = await server.get(
            `/events?${filter}&order=${order}&per_page=100${cursor && `&cursor=${cursor}`}`,
          )
          walked.push(...body.map(({ id }: any) => id))
          cursor = headers.get('x-next-cursor')
        }
        expect([filter, order, walked]).toEqual([filter, order, ids])
      }
    const one = all.findLast(({ event_type, details }) => event_type === 'click' && details.n === undefined)
    const { body } = await server.get(`/events/${one.id}`)
    expect(body).toEqual(JSON.parse(JSON.stringify(one)))
    expect(Object.keys(body.details)).toEqual(expect.arrayContaining(['browser', 'system', 'device']))
    const bound = (await server.post('/api/keys', { name: 'owner', scope: 'read', user_id: user })).body.key
    const own = await server.get('/events?per_page=100', { authorization: `Bearer ${bound}` })
    expect(own.body.map(({ id }: any) => id)).toEqual(expected(({ url_id }) => url_id === links[0] || url_id === links[1]))
  })

  test('of a user with many links are found too', async () => {
    const user = (await server.post('/users', { username: `many-${kind.name}`, email: `m-${kind.name}@example.com` })).body.id
    const links = await query<{ id: number }>(
      `insert into urls (short_code, original_url, user_id) select 'many-${kind.name}' || n, 'https://example.com/', $1 from generate_series(1, 1100) n returning id`,
      [user],
    )
    const store = await journal()
    await store(anyClicks([links[3]!.id, links.at(-1)!.id], 10, HOUR))
    const { body, headers } = await server.get(`/events?user_id=${user}&per_page=4&order=desc`)
    expect([body.length, headers.get('x-total-count')]).toEqual([4, '10'])
    expect(body.every(({ user_id }: any) => user_id === user)).toBe(true)
  })

  test.each([
    ['not counted yet', false],
    ['counted', true],
  ])('one that is %s is deleted from every count', async (_, counted) => {
    const id = await make()
    const store = await journal()
    const now = Date.now()
    await store([
      { linkId: id, time: now - HOUR, userAgent: AGENTS[3]!, referrer: 'gone.example' },
      { linkId: id, time: now - 2 * HOUR },
    ])
    if (counted) await countAll(server.database)
    const [gone, stays] = (await server.get(`/urls/${id}/events`)).body.filter(({ event_type }: any) => event_type === 'click')
    expect((await server.call('DELETE', `/events/${gone.id}`)).status).toBe(204)
    expect((await server.get(`/events/${gone.id}`)).status).toBe(404)
    await countAll(server.database)
    const { body } = await server.get(`/urls/${id}/stats`)
    expect([body.clicks, body.bots, body.referrers, body.last_click]).toEqual([1, 0, [], stays.timestamp])
    expect((await server.call('DELETE', `/events/${stays.id}`)).status).toBe(204)
    await countAll(server.database)
    expect((await server.get(`/urls/${id}/stats`)).body).toMatchObject({ clicks: 0, bots: 0, last_click: null, browsers: [] })
  })

  test('are counted once by several at the same time, while others are stored', async () => {
    const links = [await make(), await make()]
    const end = Date.now() + 1_500
    let stored = 0
    const storing = async () => {
      const store = await journal()
      while (Date.now() < end) {
        const { stored: more } = await store(anyClicks(links, 40, HOUR))
        stored += more
      }
    }
    const counting = async () => {
      const count = rollUp(server.database, () => false, atOnce)
      while (Date.now() < end) await count()
    }
    await Promise.all([storing(), storing(), storing(), counting(), counting()])
    await countAll(server.database)
    const [sums] = await query(
      `select (select sum(clicks)::int from click_series where url_id = any($1)) as series, (select count(*)::int from clicks where url_id = any($1)) as clicks,
         (select sum(clicks)::int from click_breakdowns where url_id = any($1) and dimension = 'browser') as browsers`,
      [links],
    )
    expect(sums).toEqual({ series: stored, clicks: stored, browsers: stored })
  })

  test('of one batch with new values beyond the day’s room are whole nevertheless', async () => {
    const id = await make()
    await query(
      `insert into click_referrers (host) select 'room' || n || '.example' from generate_series(1, 10000) n on conflict do nothing`,
    )
    await query(
      `insert into click_agents (browser, system, device, bot) select 'room' || n, '', '', false from generate_series(1, 1000) n on conflict do nothing`,
    )
    const store = await journal()
    const known = { linkId: id, referrer: 'a.example' }
    const clicks = [
      known,
      { ...known, referrer: 'new.example', address: '203.0.113.0' },
      { ...known, userAgent: 'Novel/1.0 (thing)' },
      known,
    ]
    expect(await store(clicks)).toEqual({ stored: 4, leftOut: 0, rejected: 0 })
    const [room] = await query(`select (select count(*) from click_referrers where host = 'new.example') as n`)
    expect(room).toEqual({ n: 0 })
    const { body } = await server.get(`/urls/${id}/events`)
    expect(
      body
        .filter(({ event_type }: any) => event_type === 'click')
        .map(({ details }: any) => [details.referrer, details.browser, details.address]),
    ).toEqual([
      ['a.example', 'Chrome', undefined],
      ['new.example', 'Chrome', '203.0.113.0'],
      ['a.example', 'Novel', undefined],
      ['a.example', 'Chrome', undefined],
    ])
    const before = (await server.get(`/urls/${id}/stats`)).body
    expect(before.referrers).toEqual([
      { value: 'a.example', clicks: 3, bots: 1 },
      { value: 'new.example', clicks: 1, bots: 0 },
    ])
    await countAll(server.database)
    expect((await server.get(`/urls/${id}/stats`)).body).toEqual(before)
    await query(`delete from click_referrers where host like 'room%'`)
    await query(`delete from click_agents where browser like 'room%'`)
  })

  test.skipIf(kind.name === 'embedded')('of a transaction in flight are not passed over', async () => {
    const [first, second] = [await make(), await make()]
    await server.database.run((sql) =>
      sql
        .unsafe(`create function wait_for_test() returns trigger language plpgsql as $$ begin
            perform pg_advisory_xact_lock_shared(new.url_id); return new; end $$;
          create trigger wait_for_test before insert on link_totals for each row execute function wait_for_test()`)
        .simple(),
    )
    await countAll(server.database)
    const [slow, quick] = [await journal(), await journal()]
    // Snapshots list what is in flight from the oldest transaction to the last that ended.
    const oldest = await hold(0, true)
    await make()
    const releases = [await hold(first), await hold(second)]
    // Both have their ids, and wait.
    const storing = [slow([{ linkId: first }])]
    await until('one waits', async () => (await query('select from pg_locks where not granted')).length === 1)
    storing.push(quick([{ linkId: second }]))
    await until('both wait', async () => (await query('select from pg_locks where not granted')).length === 2)
    const count = rollUp(server.database, () => false, atOnce)
    expect(await count()).toBe(0)
    await oldest()
    await releases[1]!()
    await storing[1]
    for (let n = 0; n < 4; n++) await count()
    await releases[0]!()
    await storing[0]
    await countAll(server.database)
    expect(await query('select url_id, clicks from click_series where url_id between $1 and $1 + 1 order by 1', [first])).toEqual(
      [
        { url_id: first, clicks: 1 },
        { url_id: second, clicks: 1 },
      ],
    )
    await server.database.run((sql) =>
      sql.unsafe('drop trigger wait_for_test on link_totals; drop function wait_for_test').simple(),
    )
  })

  /** Holds up the batches of a link, with or without a transaction id; returns what lets go. */
  async function hold(link: number, withId = false) {
    const released = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const holding = server.database.transaction(async (sql) => {
      await sql`select pg_advisory_xact_lock(${link})`
      if (withId) await sql`select pg_current_xact_id()`
      locked.resolve()
      await released.promise
    }, 60_000)
    await locked.promise
    return () => {
      released.resolve()
      return holding
    }
  }
})
