// docs/observability.md lists every metric that a server can have. After a change: bun docs/metrics.ts <dist/metrics.txt, which this test writes.
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { metricsTable, tableIn } from '../docs/metrics.ts'
import { anyDatabase } from './databases.ts'
import { serveOn } from './server.ts'

const root = join(import.meta.dir, '..')
const NOBODY = 'redis://127.0.0.1:1' // metrics of Valkey are there also while it is unreachable
const WEBHOOK = { ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/', ALERT_WEBHOOK_SECRET: 'whsec_bm90aWZpY2F0aW9ucyBhcmUgc2lnbmVk' }

/** Each brings metrics that the others have not. */
const SETTINGS: Record<string, string>[] = [{ RATE_UNKNOWN: '1/min' }, { REDIS_URL: NOBODY, SECOND_TIER: 'valkey', ...WEBHOOK }]

const servers = await Promise.all(SETTINGS.map((settings) => serveOn(anyDatabase, settings)))
afterAll(() => Promise.all(servers.map((server) => server.stop())))

test('the table of metrics is what servers of all settings answer', async () => {
  for (const server of servers) {
    const { body } = await server.post('/shorten', { url: 'https://example.com/' })
    for (const path of [`/${body.short_code}`, '/unknown-1', '/unknown-2', '/users']) await server.get(path)
  }
  const expositions = await Promise.all(servers.map(async (server) => (await server.get('/metrics')).text))
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(join(root, 'dist/metrics.txt'), expositions.join('\n'))
  expect(expositions[1]).toContain('waypost_shared_cache_up')
  expect(expositions[1]).toContain('waypost_notice_sender')
  expect(tableIn(readFileSync(join(root, 'docs/observability.md'), 'utf8'))).toBe(metricsTable(expositions.join('\n')))
})
