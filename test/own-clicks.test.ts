// A list has the clicks of its own links, and waits for those of no other.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import postgres from 'postgres'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const external = databases.find(({ name }) => name === 'external')
let waypost: TestServer
let drain: postgres.Sql // holds up the drain by a lock on its journal
const links: { id: number; short_code: string }[] = []

beforeAll(async () => {
  if (!external) return
  waypost = await serveOn(external)
  drain = postgres(waypost.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
  const { body: user } = await waypost.post('/users', { username: 'ada', email: 'ada@example.com' })
  for (const user_id of [user.id, undefined])
    links.push((await waypost.post('/urls', { original_url: 'https://example.com/', user_id })).body)
})
afterAll(async () => {
  await drain?.end()
  await waypost?.stop()
})

test.skipIf(!external)('clicks that are not stored yet keep only the lists of their own link waiting', async () => {
  const [clicked, other] = links as [(typeof links)[0], (typeof links)[0]]
  const counts = (rows: { click_count: number }[]) => rows.map(({ click_count }) => click_count)
  await waypost.get(`/${clicked.short_code}`)
  expect(counts((await waypost.settled('/urls')).body)).toEqual([1, 0])

  await drain.begin(async (sql) => {
    await sql`lock table journals in access exclusive mode`
    await waypost.get(`/${clicked.short_code}`)
    for (const path of ['/urls', `/users/1/urls`, '/urls?per_page=1']) {
      const { headers, body } = await waypost.get(path)
      expect({ path, pending: headers.get('x-clicks-pending') }).toEqual({ path, pending: '1' })
      expect(counts(body)[0]).toBe(1)
    }
    for (const path of ['/urls?per_page=1&page=2', `/urls?cursor=${clicked.id}`]) {
      const { headers, body } = await waypost.get(path)
      expect({ path, pending: headers.get('x-clicks-pending'), ids: body.map(({ id }: { id: number }) => id) }).toEqual({
        path,
        pending: null,
        ids: [other.id],
      })
    }
  })
  expect(counts((await waypost.settled('/urls')).body)).toEqual([2, 0])
})

test.skipIf(!external)('where more clicks wait than are remembered, any list waits', async () => {
  const [clicked] = links as [(typeof links)[0]]
  await drain.begin(async (sql) => {
    await sql`lock table journals in access exclusive mode`
    for (let sent = 0; sent < 4_200; sent += 100)
      await Promise.all(Array.from({ length: 100 }, () => waypost.get(`/${clicked.short_code}`)))
    const { headers } = await waypost.get('/urls?per_page=1&page=2')
    expect(Number(headers.get('x-clicks-pending'))).toBeGreaterThanOrEqual(4_096)
  })
  expect((await waypost.settled('/urls')).body[0].click_count).toBe(4_202)
})
