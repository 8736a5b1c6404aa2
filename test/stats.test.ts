// Statistics: whole buckets in any zone, zeros included, bounded; and a click that goes is subtracted wherever it counted.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { foldClicks } from '../src/clicks/fold.ts'
import { inMemory } from '../src/import/csv-file.ts'
import { eventSource } from '../src/import/events.ts'
import { importFile } from '../src/import/load.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

type Bucket = { start: string; clicks: number; bots: number }
const sumOf = (buckets: Bucket[]) => buckets.reduce((sum, { clicks }) => sum + clicks, 0)
const clicked = (buckets: Bucket[]) => buckets.filter(({ clicks }) => clicks > 0)

const kept = databases.flatMap((kind) => [
  { ...kind, kept: 'as they came', folded: false },
  { ...kind, kept: 'folded', folded: true },
])

describe.each(kept)('statistics on the $name database, counts $kept', ({ folded, ...kind }) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
    await server.post('/urls', { original_url: 'https://example.com/year', short_code: 'year' })
    // One click in each quarter of an hour of 2026: so a bucket's clicks say how long it is.
    await server.database.run(
      (sql) => sql`insert into click_series (url_id, bucket, clicks, bots)
        select 1, quarter, 1, 0 from generate_series('2026-01-01 00:00+00'::timestamptz, '2026-12-31 23:45+00', '15 minutes') as quarter`,
    )
    if (folded) expect(await foldClicks(server.database)).toBeGreaterThan(300 * 96)
  })
  afterAll(() => server.stop())

  const stats = async (code: string | number, query = '') => {
    const { status, body } = await server.settled(`/urls/${code}/stats${query && `?${query}`}`)
    expect(status, JSON.stringify(body)).toBe(200)
    return body
  }
  const link = async (short_code: string) =>
    (await server.post('/urls', { original_url: 'https://example.com/x', short_code })).body.id

  test.each([
    ['UTC', '2026-03-29', '2026-03-29T00:00:00Z', 24],
    ['Europe/Berlin', '2026-03-28', '2026-03-27T23:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00:00Z', 25],
    ['CET', '2026-10-25', '2026-10-24T22:00:00Z', 25],
    ['America/New_York', '2026-11-01', '2026-11-01T04:00:00Z', 25],
    ['Asia/Kolkata', '2026-03-29', '2026-03-28T18:30:00Z', 24],
    ['asia/kathmandu', '2026-03-29', '2026-03-28T18:15:00Z', 24],
    ['America/Havana', '2026-11-01', '2026-11-01T04:00:00Z', 25], // goes back over midnight: the day has two
    ['America/Santiago', '2026-09-06', '2026-09-06T04:00:00Z', 23], // skips midnight
    ['America/Santiago', '2026-04-04', '2026-04-04T03:00:00Z', 25], // goes back at its end
    ['Africa/Cairo', '2026-04-24', '2026-04-23T22:00:00Z', 23], // skips midnight, east of Greenwich
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00:00Z', 24.5], // goes back by half an hour
    ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30:00Z', 23.5],
    ['Pacific/Auckland', '2026-04-05', '2026-04-04T11:00:00Z', 25],
  ])('a day in %s, %s, starts at %s and has %f hours', async (tz, day, start, hours) => {
    const { by_day, by_hour } = await stats('year', `tz=${tz}&from=${day}&to=${day}`)
    expect(by_day).toEqual([{ start, clicks: hours * 4, bots: 0 }])
    expect(by_hour[0].start).toBe(start)
    expect(sumOf(by_hour)).toBe(hours * 4)
    expect(by_hour).toHaveLength(Math.ceil(hours))
  })

  test.each([
    [
      'a week of days, over a change of the clock',
      'tz=Europe/Berlin&from=2026-03-25&to=2026-03-31',
      7,
      7 * 24 - 1,
      '2026-03-24T23:00:00Z',
    ],
    ['times', 'from=2026-05-01T08:20:00Z&to=2026-05-01T10:00:00Z', 1, 2, '2026-05-01T08:00:00Z'],
    ['a moment', 'from=2026-05-01T08:20&to=2026-05-01T08:20', 1, 1, '2026-05-01T08:00:00Z'],
    ['a time in the zone', 'tz=Asia/Kolkata&from=2026-05-01T08:00&to=2026-05-01T09:00', 1, 1, '2026-05-01T02:30:00Z'],
    [
      'a time with an offset, its + unescaped',
      'from=2026-05-01T08:00:00+05:30&to=2026-05-01T09:00:00+0530',
      1,
      2,
      '2026-05-01T02:00:00Z',
    ],
    ['only an end: 48 hours and 90 days', 'to=2026-05-01', 90, 48, '2026-04-30T00:00:00Z'],
    ['a month whose clock goes back', 'tz=Europe/Berlin&from=2026-10-01&to=2026-10-31', 31, 31 * 24 + 1, '2026-09-30T22:00:00Z'],
    ['a quarter: the hours of its last 31 days', 'from=2026-01-01&to=2026-03-31', 90, 31 * 24, '2026-03-01T00:00:00Z'],
  ])('of %s', async (_, query, days, hours, firstHour) => {
    const { by_day, by_hour } = await stats('year', query)
    expect([by_day.length, by_hour.length, by_hour[0].start]).toEqual([days, hours, firstHour])
    for (const { clicks } of by_hour) expect(clicks).toBe(4)
  })

  test('fill what had no clicks with zeros, by default for 48 hours and 90 days', async () => {
    const id = await link('quiet')
    const { by_day, by_hour, ...rest } = await stats('quiet')
    expect(rest).toEqual({
      clicks: 0,
      bots: 0,
      last_click: null,
      id,
      short_code: 'quiet',
      referrers: [],
      browsers: [],
      systems: [],
      devices: [],
    })
    expect([by_hour.length, by_day.length]).toEqual([48, 90])
    expect([clicked(by_hour), clicked(by_day)]).toEqual([[], []])
    await server.get('/quiet')
    const after = await stats('quiet', 'tz=Asia/Kolkata')
    expect(Object.keys(after).slice(0, 5)).toEqual(['clicks', 'bots', 'last_click', 'id', 'short_code'])
    expect(after.by_hour.at(-1)).toMatchObject({ clicks: 1, bots: 1 })
    expect(after.by_day.at(-1)).toMatchObject({ clicks: 1, bots: 1 })
    expect(after.by_hour.at(-1).start).toEndWith(':30:00Z')
    expect([sumOf(after.by_hour), sumOf(after.by_day)]).toEqual([1, 1])
  })

  test('are bounded: five years of days, and 31 days of hours', async () => {
    const { by_day, by_hour } = await stats('year', 'from=2022-01-01&to=2026-12-31')
    expect([by_day.length, by_hour.length]).toEqual([1_826, 744])
    expect(sumOf(by_day)).toBe(365 * 96)
    expect(by_day[0]).toEqual({ start: '2022-01-01T00:00:00Z', clicks: 0, bots: 0 })
  })

  test.each([
    ['tz=Mars/Olympus', 'tz'],
    ['tz=%2B05:30', 'tz'],
    ["tz=UTC'--", 'tz'],
    ['from=yesterday', 'from'],
    ['from=2026-02-30', 'from'],
    ['from=2026-13-01', 'from'],
    ['from=2026-01-01T25:00:00Z', 'from'],
    ['from=0001-01-01', 'from'],
    ['to=1772323200', 'to'],
    ['to=2026-01-01T10', 'to'],
    ['from=2026-03-02&to=2026-03-01', 'from'],
    ['from=2026-03-01T10:00:01Z&to=2026-03-01T10:00:00Z', 'from'],
    ['from=9999-12-31', 'from'],
    ['from=2010-01-01&to=2026-03-01', 'from'],
  ])('refuse ?%s', async (query, field) => {
    const { status, body } = await server.get(`/urls/year/stats?${query}`)
    expect([status, body.details[0].field]).toEqual([400, field])
  })

  test('of many links agree with those of each, whatever a day is', async () => {
    const [busy, quiet] = [await link('lately'), await link('lately-not')]
    await server.database.run(
      (sql) => sql`insert into click_series (url_id, bucket, clicks, bots)
        select ${busy}::bigint, quarter, 1 + extract(hour from quarter)::int, 0
        from generate_series(date_bin('15 minutes', now(), '2020-01-01') - interval '16 days', now(), '15 minutes') as quarter`,
    )
    if (folded) expect(await foldClicks(server.database)).toBeGreaterThan(10 * 96)
    for (const tz of ['UTC', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'America/Los_Angeles', 'Australia/Lord_Howe'])
      await until(`they agree in ${tz}`, async () => {
        const { body } = await server.get(`/api/trends?ids=${quiet},999999,${busy}&tz=${tz}`)
        const { by_day } = await stats(busy, `tz=${tz}`)
        const each = by_day.slice(-14).map(({ clicks }: Bucket) => clicks)
        expect(each).toHaveLength(14)
        return Bun.deepEquals(body, [
          { id: busy, clicks: each },
          { id: quiet, clicks: Array(14).fill(0) },
        ])
      })
  })

  test.each(['', 'ids=', 'ids=1;2', 'ids=x', 'ids=1,', `ids=${Array(101).fill(1)}`, 'ids=1&tz=Mars'])(
    'of many links refuse ?%s',
    async (query) => expect((await server.get(`/api/trends?${query}`)).status).toBe(400),
  )

  test('take the last date there is', async () => expect((await stats('year', 'to=9999-12-31')).by_day).toHaveLength(90))

  test('name the ten values with most clicks, and (other) for the rest', async () => {
    const id = await link('top')
    await server.database.run(
      (sql) => sql`insert into click_breakdowns (url_id, day, dimension, value, clicks, bots)
        select ${id}::bigint, current_date - d, 'referrer', 'host' || n, n, 1 from generate_series(1, 15) n, generate_series(0, 1) d
        union all select ${id}::bigint, current_date, 'referrer', '(other)', 100, 0
        union all select ${id}::bigint, current_date - 200, 'referrer', 'long ago', 100, 0
        union all select ${id}::bigint, current_date, 'browser', 'Taken back', 0, 0
        union all select ${id}::bigint, current_date, 'device', 'Desktop', 5, 0`,
    )
    const { referrers, browsers, devices } = await stats('top')
    expect(referrers).toHaveLength(11)
    expect(referrers[0]).toEqual({ value: 'host15', clicks: 30, bots: 2 })
    expect(referrers[9]).toEqual({ value: 'host6', clicks: 12, bots: 2 })
    expect(referrers[10]).toEqual({ value: '(other)', clicks: 2 * (1 + 2 + 3 + 4 + 5) + 100, bots: 10 })
    expect([browsers, devices]).toEqual([[], [{ value: 'Desktop', clicks: 5, bots: 0 }]])
  })

  const counts = ({ clicks, bots, by_hour, by_day, referrers, browsers, systems, devices }: any) => {
    const last = ({ clicks, bots }: Bucket) => [clicks, bots]
    return { totals: [clicks, bots], hour: last(by_hour.at(-1)), day: last(by_day.at(-1)), referrers, browsers, systems, devices }
  }
  const NONE = { totals: [0, 0], hour: [0, 0], day: [0, 0], referrers: [], browsers: [], systems: [], devices: [] }

  test('count a posted click as its details say, and take it back when it is deleted', async () => {
    const url_id = await link('posted')
    const post = async (details?: unknown) => (await server.post('/events', { event_type: 'click', url_id, details })).body.id
    const first = await post({
      referrer: 'https://me@News.Example:8080/story?x',
      browser: 'Firefox',
      system: 'Linux',
      device: 'Desktop',
    })
    const second = await post({ referrer: 'news.example', browser: 'Crawler', bot: true })
    const third = await post()
    const fourth = await post({ referrer: 7, browser: { name: 'x' }, system: '', device: null, bot: 'yes' })
    const fifth = await post({ browser: 'x'.repeat(10_000) })
    expect(counts(await stats(url_id))).toEqual({
      totals: [5, 1],
      hour: [5, 1],
      day: [5, 1],
      referrers: [{ value: 'news.example', clicks: 2, bots: 1 }],
      browsers: [
        { value: 'Crawler', clicks: 1, bots: 1 },
        { value: 'Firefox', clicks: 1, bots: 0 },
        { value: 'x'.repeat(256), clicks: 1, bots: 0 },
      ],
      systems: [{ value: 'Linux', clicks: 1, bots: 0 }],
      devices: [{ value: 'Desktop', clicks: 1, bots: 0 }],
    })
    for (const id of [third, fourth, fifth, second]) expect((await server.call('DELETE', `/events/${id}`)).status).toBe(204)
    expect(counts(await stats(url_id))).toEqual({
      totals: [1, 0],
      hour: [1, 0],
      day: [1, 0],
      referrers: [{ value: 'news.example', clicks: 1, bots: 0 }],
      browsers: [{ value: 'Firefox', clicks: 1, bots: 0 }],
      systems: [{ value: 'Linux', clicks: 1, bots: 0 }],
      devices: [{ value: 'Desktop', clicks: 1, bots: 0 }],
    })
    await server.call('DELETE', `/events/${first}`)
    expect(counts(await stats(url_id))).toEqual(NONE)
  })

  test('take back a recorded click, bots included, wherever it counted', async () => {
    const id = await link('taken')
    await server.get('/taken', {
      referer: 'https://news.example/story',
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    })
    await server.get('/taken', { referer: 'https://news.example/story', 'user-agent': 'curl/8.0' })
    expect(counts(await stats(id))).toMatchObject({
      totals: [2, 1],
      hour: [2, 1],
      referrers: [{ value: 'news.example', clicks: 2, bots: 1 }],
    })
    const { body: events } = await server.get(`/events?url_id=${id}&event_type=click`)
    for (const event of events) await server.call('DELETE', `/events/${event.id}`)
    expect(counts(await stats(id))).toEqual(NONE)
  })

  test('count a value beyond 200 of a day as (other), and take it back from there', async () => {
    const url_id = await link('full')
    await server.database.run(
      (sql) => sql`insert into click_breakdowns (url_id, day, dimension, value, clicks, bots)
        select ${url_id}, (now() at time zone 'UTC')::date, 'browser', 'b' || n, 1, 0 from generate_series(1, 200) n`,
    )
    const other = async () => {
      const [row] = await server.database.run(
        (sql) => sql`select clicks from click_breakdowns where url_id = ${url_id} and value = '(other)'`,
      )
      return row?.clicks
    }
    const { body: event } = await server.post('/events', { event_type: 'click', url_id, details: { browser: 'one more' } })
    expect(await other()).toBe(1)
    await server.call('DELETE', `/events/${event.id}`)
    expect(await other()).toBe(0)
  })

  test('take back of an imported click what an import counts: its referrer, not its browser', async () => {
    const id = await link('imported')
    const at = new Date().toISOString()
    const csv = `id,url_id,user_id,event_type,timestamp,details\n900001,${id},,click,${at},"{""referrer"": ""https://news.example/a"", ""browser"": ""Firefox""}"\n`
    await importFile(server.database, eventSource, inMemory(new TextEncoder().encode(csv)))
    await server.post('/events', { event_type: 'click', url_id: id, details: { browser: 'Firefox' } })
    expect(await stats(id)).toMatchObject({
      clicks: 2,
      referrers: [{ value: 'news.example', clicks: 1 }],
      browsers: [{ clicks: 1 }],
    })
    expect((await server.call('DELETE', '/events/900001')).status).toBe(204)
    expect(await stats(id)).toMatchObject({ clicks: 1, referrers: [], browsers: [{ value: 'Firefox', clicks: 1 }] })
  })

  test('have the last click that is left, as clicks are deleted', async () => {
    const url_id = await link('last')
    const at = (minute: number) => `2026-03-01T10:0${minute}:00Z`
    const last = async () => (await stats(url_id)).last_click
    const ids: number[] = []
    for (const minute of [2, 5, 5, 1]) // not in the order of their time
      ids.push((await server.post('/events', { event_type: 'click', url_id, timestamp: at(minute) })).body.id)
    await server.post('/events', { event_type: 'note', url_id })
    expect(await last()).toBe(at(5))
    const lasts: (string | null)[] = []
    for (const id of [ids[3], ids[1], ids[2], ids[0]]) {
      expect((await server.call('DELETE', `/events/${id}`)).status).toBe(204)
      lasts.push(await last())
    }
    expect(lasts).toEqual([at(5), at(5), at(2), null])
    await server.get('/last')
    await stats(url_id)
    const [click] = (await server.get(`/events?url_id=${url_id}&event_type=click`)).body
    expect(await last()).toBe(click.timestamp)
    await server.call('DELETE', `/events/${click.id}`)
    expect(await stats(url_id)).toMatchObject({ clicks: 0, last_click: null })
  })

  test('name a referring host in one way, by redirect, by POST and by import', async () => {
    const id = await link('hosts')
    const written = [
      'https://BÜCHER.example./a',
      'http://xn--bcher-kva.example:8080/',
      'https://user:pw@b%C3%BCcher.example?x',
      'android-app://xn--bcher-kva.example/',
    ]
    for (const referer of written.filter((text) => /^[\x20-\x7e]*$/.test(text))) await server.get('/hosts', { referer })
    const posted: number[] = []
    for (const referrer of [...written, 'Bücher.example', 'bücher.example.:443/path', ' xn--BCHER-kva.example. '])
      posted.push((await server.post('/events', { event_type: 'click', url_id: id, details: { referrer } })).body.id)
    posted.push((await server.post('/events', { event_type: 'click', url_id: id, details: { referer: written[0] } })).body.id)
    const rows = [...written, 'bücher.example'].map(
      (referrer) => `${id},click,${new Date().toISOString()},"${JSON.stringify({ referrer }).replaceAll('"', '""')}"`,
    )
    await importFile(
      server.database,
      eventSource,
      inMemory(new TextEncoder().encode(`url_id,event_type,timestamp,details\n${rows.join('\n')}\n`)),
    )
    expect((await stats(id)).referrers).toEqual([{ value: 'xn--bcher-kva.example', clicks: 3 + 8 + 5, bots: 3 }])
    for (const event of posted) await server.call('DELETE', `/events/${event}`)
    expect((await stats(id)).referrers).toEqual([{ value: 'xn--bcher-kva.example', clicks: 3 + 5, bots: 3 }])
    for (const referrer of ['(not set)', '-', 'about:blank', 'a b', '300.1.1.1', 'https://'])
      await server.post('/events', { event_type: 'click', url_id: id, details: { referrer } })
    expect((await stats(id)).referrers).toHaveLength(1)
  })

  test('take a click back from a host as release 0.1.0 wrote it', async () => {
    const url_id = await link('old-host')
    const details = { referrer: 'https://Bücher.example./' }
    const { body: event } = await server.post('/events', { event_type: 'click', url_id, details })
    await server.database.run(
      (sql) => sql`update click_breakdowns set value = 'bücher.example.' where url_id = ${url_id} and dimension = 'referrer'`,
    )
    expect((await stats(url_id)).referrers).toEqual([{ value: 'bücher.example.', clicks: 1, bots: 0 }])
    await server.call('DELETE', `/events/${event.id}`)
    expect((await stats(url_id)).referrers).toEqual([])
  })

  test('of a purged link are gone, and all its rows', async () => {
    const url_id = await link('purge-me')
    await server.get('/purge-me', { referer: 'https://news.example/' })
    await server.post('/events', { event_type: 'click', url_id, details: { browser: 'Firefox' } })
    await server.database.run(
      (sql) => sql`select count_click(${url_id}::bigint, now() - interval '9 days', ${sql.json({ browser: 'Firefox' })}, 1)`,
    )
    if (folded) expect(await foldClicks(server.database)).toBeGreaterThanOrEqual(2)
    expect((await stats(url_id)).clicks).toBe(3)
    expect((await server.call('DELETE', `/urls/${url_id}?purge=true`)).status).toBe(204)
    expect((await server.get(`/urls/${url_id}/stats`)).status).toBe(404)
    const [left] = await server.database.run(
      (
        sql,
      ) => sql`select (select count(*) from events where url_id = ${url_id}) + (select count(*) from link_totals where url_id = ${url_id})
        + (select count(*) from click_series where url_id = ${url_id}) + (select count(*) from click_breakdowns where url_id = ${url_id})
        + (select count(*) from click_days where url_id = ${url_id}) + (select count(*) from click_months where url_id = ${url_id}) as rows`,
    )
    expect(left!.rows).toBe(0)
  })
})
