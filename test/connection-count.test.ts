// How many connections a busy replica opens: docs/capacity.md sizes max_connections by it.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { databases } from './databases.ts'
import { serveOn } from './server.ts'
import { until } from './until.ts'

const POOL = 4
const external = databases.find(({ name }) => name === 'external')
if (!external) console.warn('SKIPPED: test/connection-count.test.ts (no PostgreSQL)')

test.skipIf(!external)('a replica with every connection busy has no more than docs/capacity.md says', async () => {
  const [, more] = /DATABASE_POOL \+ (\d+)/.exec(readFileSync(join(import.meta.dir, '../docs/capacity.md'), 'utf8'))!
  const server = await serveOn(external!, { DATABASE_POOL: String(POOL), RATE_READ: 'off' })
  const sql = postgres(server.config.DATABASE_URL!, { max: 2, onnotice: () => {} })
  const count = async () => {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::int as count from pg_stat_activity where datname = current_database()
        and application_name = 'waypost'`
    return row.count
  }
  const { body } = await server.post('/shorten', { url: 'https://example.com/' })
  await server.get(`/${body.short_code}`)
  await server.settled(`/urls/${body.id}/stats`)
  const lock = await sql.reserve()
  await lock`begin`
  await lock`lock table users`
  const asked = Array.from({ length: POOL * 4 }, () => server.get('/users'))
  let most = 0
  await until('the pool is full', async () => {
    most = Math.max(most, await count())
    return most >= POOL + 2
  })
  await lock`rollback`
  lock.release()
  await Promise.all(asked)
  expect(most).toBeGreaterThanOrEqual(POOL + 2)
  expect(most).toBeLessThanOrEqual(POOL + Number(more))
  await sql.end()
  await server.stop()
})
