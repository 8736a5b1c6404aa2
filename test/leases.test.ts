// Leases of max_clicks under conditions that click-limits.test.ts does not meet: other limits of the same link, and late statements.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }
const original_url = 'https://example.com/limited'

describe('a link whose limit is lowered', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
  })
  afterAll(() => server.stop())

  const visit = async (code: string) => (await fetch(`${server.base}/${code}`, { redirect: 'manual', headers: BROWSER })).status

  const make = async (short_code: string) =>
    (await server.post('/urls', { original_url, short_code, max_clicks: 100 })).body.id as number
  const lower = (id: number, max_clicks: number) => server.call('PATCH', `/urls/${id}`, { max_clicks })
  const limitOf = async (id: number) =>
    (await server.database.run((sql) => sql<{ click_limit: number }[]>`select click_limit from urls where id = ${id}`))[0]!
      .click_limit

  test('gives the limit a new name each time, so that leases of the old one are void', async () => {
    const id = await make('named')
    const names = [await limitOf(id)]
    for (const max_clicks of [90, 80, null, 70, 60]) {
      await server.call('PATCH', `/urls/${id}`, { max_clicks })
      const name = await limitOf(id)
      if (max_clicks === null) expect(name).toBeNull()
      else names.push(name)
    }
    expect(names).toEqual([...new Set(names)].sort((a, b) => a - b))
  })

  test('counts each click once, and redirects exactly as often as the new limit says', async () => {
    const id = await make('lowered')
    const stored = (clicks: number) =>
      until(`${clicks} clicks are stored`, async () => (await server.get(`/urls/${id}`)).body.click_count === clicks)
    for (let i = 0; i < 10; i++) expect(await visit('lowered')).toBe(302)
    await stored(10)
    await lower(id, 80)
    await lower(id, 50)
    let redirects = 10
    for (let last = 302; last !== 410; ) {
      last = await visit('lowered')
      if (last === 302) redirects++
      else if (last !== 410) await Bun.sleep(20)
      if (redirects % 10 === 0) await stored(redirects)
    }
    expect(redirects).toBe(50)
  })
})
