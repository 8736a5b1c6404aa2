// Leases of max_clicks under conditions that click-limits.test.ts does not meet: other limits of the same link, and late statements.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const original_url = 'https://example.com/limited'

describe('a link whose limit is lowered', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
  })
  afterAll(() => server.stop())

  const make = async (short_code: string) =>
    (await server.post('/urls', { original_url, short_code, max_clicks: 100 })).body.id as number
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
})
