// Sums that come out: clicks of many at once, deleted clicks, purged links, deleted users.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { continueErasures } from '../src/links/erase.ts'
import { userStore } from '../src/users/store.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const target = 'https://example.com/a/page'

describe.each(databases)('sums on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
  })
  afterAll(() => server.stop())
  const clicksOf = async (code: string) => (await server.settled(`/urls/${code}/stats`)).body
  const sumOf = (series: { clicks: number }[]) => series.reduce((sum, { clicks }) => sum + clicks, 0)

  test('deleting a click subtracts it, once', async () => {
    await server.post('/urls', { original_url: target, short_code: 'subtract' })
    for (let i = 0; i < 3; i++) await server.get('/subtract')
    const { id } = await clicksOf('subtract')
    const posted = await server.post('/events', { event_type: 'click', url_id: id })
    expect(await clicksOf('subtract')).toMatchObject({ clicks: 4 })
    const events = (await server.get(`/events?url_id=${id}&event_type=click`)).body
    expect(events).toHaveLength(4)
    const answers = await Promise.all(
      [events[0].id, events[0].id, posted.body.id].map((event) => server.call('DELETE', `/events/${event}`)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 204, 404])
    const stats = await clicksOf('subtract')
    expect([stats.clicks, sumOf(stats.by_hour), sumOf(stats.by_day)]).toEqual([2, 2, 2])
    expect((await server.settled(`/urls/${id}`)).body.click_count).toBe(2)
    const created = (await server.get(`/urls/${id}/events`)).body[0]
    await server.call('DELETE', `/events/${created.id}`)
    expect((await clicksOf('subtract')).clicks).toBe(2) // only clicks count
  })

  test('clicks of many at once are all counted, once', async () => {
    await server.post('/urls', { original_url: target, short_code: 'many' })
    await Promise.all(Array.from({ length: 500 }, (_, i) => server.get(i % 3 ? '/many' : '/urls/many/redirect')))
    const stats = await clicksOf('many')
    expect([stats.clicks, sumOf(stats.by_hour)]).toEqual([500, 500])
    expect((await server.get(`/events?url_id=${stats.id}&event_type=click&per_page=1`)).headers.get('x-total-count')).toBe('500')
  })

  test('an erasure that another release calls finished stays until the clicks are erased', async () => {
    await server.post('/urls', { original_url: target, short_code: 'listed' })
    const { id } = await clicksOf('listed')
    const run = (text: string) => server.database.run((sql) => sql.unsafe(text, [id]))
    await run(`insert into clicks (id, url_id, timestamp, details) select next_event_id(), $1::bigint, now(), '{}'`)
    await run('insert into erasures (url_id) values ($1)')
    await run('delete from erasures where url_id = $1')
    expect((await run('select from erasures where url_id = $1')).count).toBe(1)
    await run('delete from clicks where url_id = $1')
    await run('delete from erasures where url_id = $1')
    expect((await run('select from erasures where url_id = $1')).count).toBe(0)
  })

  test('what another transaction still writes of a purged link is erased too', async () => {
    await server.post('/urls', { original_url: target, short_code: 'purged' })
    await server.get('/purged')
    const { id } = await clicksOf('purged')
    const late = (sql: any) => sql`
      with event as (insert into events (id, url_id, event_type) values (next_event_id(), ${id}, 'click'))
      insert into link_totals (url_id, clicks) values (${id}, 1) on conflict (url_id) do update set clicks = link_totals.clicks + 1`
    const left = async () => {
      const [row] = await server.database.run(
        (sql) => sql<{ events: number; totals: number; listed: number }[]>`
          select (select count(*) from events where url_id = ${id}) as events, (select count(*) from link_totals where url_id = ${id}) as totals,
            (select count(*) from erasures where url_id = ${id}) as listed`,
      )
      return row!
    }
    const purge = () => server.call('DELETE', `/urls/${id}?purge=true`)
    if (kind.name === 'external')
      await server.database.transaction(async (sql) => {
        await sql`insert into events (id, url_id, event_type) values (next_event_id(), ${id}, 'click')` // begun before the purge
        const other = await purge()
        expect(other.status).toBe(204)
        await continueErasures(server.database)
        expect((await left()).listed).toBe(1) // we may still write, so it is not over
        await sql`insert into link_totals (url_id, clicks) values (${id}, 1) on conflict (url_id) do update set clicks = link_totals.clicks + 1`
      })
    else {
      expect((await purge()).status).toBe(204)
      await server.database.run(late)
    }
    expect((await left()).events).toBeGreaterThan(0)
    await until('it is erased for good', async () => {
      await continueErasures(server.database)
      return (await left()).listed === 0
    })
    expect(await left()).toEqual({ events: 0, totals: 0, listed: 0 })
    expect((await server.post('/urls', { original_url: target, short_code: 'purged' })).status).toBe(409)
  })

  test('deleting a user takes its links and events along, those of deleted links too', async () => {
    const { body: user } = await server.post('/users', { username: 'leaving', email: 'leaving@example.com' })
    for (const short_code of ['leaving1', 'leaving2'])
      await server.post('/urls', { original_url: target, user_id: user.id, short_code })
    for (let i = 0; i < 3; i++) await server.get('/leaving1')
    await server.call('DELETE', `/urls/${(await clicksOf('leaving2')).id}`)
    const { id } = await clicksOf('leaving1')
    expect((await server.call('DELETE', `/users/${user.id}`)).status).toBe(204)
    expect((await server.get('/leaving1')).status).toBe(404)
    expect((await server.get(`/events?url_id=${id}`)).body).toEqual([])
    expect((await server.get(`/events?user_id=${user.id}`)).body).toEqual([])
    expect((await server.get('/urls/leaving2/stats')).status).toBe(404)
    for (const short_code of ['leaving1', 'leaving2'])
      expect((await server.post('/urls', { original_url: target, short_code })).status).toBe(409)
  })

  test('of a user with many links is announced thousand by thousand, and not at the end of all', async () => {
    const { body: user } = await server.post('/users', { username: 'long', email: 'long@example.com' })
    const { run } = server.database
    await run(
      (sql) => sql`insert into urls (short_code, original_url, user_id)
        select 'of-long-' || n, ${target}, ${user.id}::bigint from generate_series(1, 1001) n`,
    )
    const told: [number, Promise<number>][] = []
    const left = () => run((sql) => sql`select from urls where user_id = ${user.id}`).then(({ count }) => count)
    await userStore(server.database).delete(user.id, (links) => told.push([links.length, left()]), { by: 'open' })
    expect(await Promise.all(told.map(async ([links, left]) => [links, await left]))).toEqual([
      [1_000, 1],
      [1, 0],
    ])
    expect((await server.get(`/users/${user.id}`)).status).toBe(404)
  })
})
