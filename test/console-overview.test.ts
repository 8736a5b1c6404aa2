// The console's overview and shell in Chromium, on three replicas of the executable behind nginx: one is killed and the database is stopped
// while the page is open.
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Cluster, startCluster } from '../deploy/cluster/cluster.ts'
import { nginxProgram } from '../deploy/cluster/nginx.ts'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { serverBinaries } from './postgres.ts'
import { UNLIMITED } from './server.ts'

setDefaultTimeout(60_000)
const installed = serverBinaries() !== undefined && nginxProgram() !== undefined
if (!installed) console.warn('SKIPPED: test/console-overview.test.ts (PostgreSQL or nginx is not installed)')

describe.skipIf(!hasBrowser || !installed)('the overview', () => {
  let fleet: Cluster
  let seen: Visit
  const strip = () => seen.page.getByRole('group', { name: 'Charts of' })
  const banner = () => seen.page.getByRole('alert', { name: 'What is wrong' })

  beforeAll(async () => {
    fleet = await startCluster({ nginx: { OPERATORS: 'allow all;' }, env: UNLIMITED })
    await fetch(`${fleet.nginx}/urls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ original_url: 'https://example.com/seen', short_code: 'seen' }),
    })
    seen = await visit(fleet.nginx, { token: fleet.adminToken })
    seen.forgive(401) // before the sign-in
  }, 120_000)
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen?.close()
    await fleet?.stop()
  }, 60_000)

  test('shows three replicas, and charts that move with what is asked of any of them', async () => {
    await seen.open('')
    await strip().getByText('3 replicas').waitFor()
    expect(await strip().getByText('ready').count()).toBe(3)
    for (let n = 0; n < 40; n++) await fetch(`${fleet.nginx}/seen`, { redirect: 'manual' })
    expect(await seen.page.locator('main canvas').count()).toBeGreaterThanOrEqual(7)
    await seen.page.getByRole('button', { name: /table/i }).first().click()
    await seen.page.locator('main table').first().waitFor()
    expect(await seen.page.locator('main table').first().textContent()).toContain('3xx')
  })

  test('is left and found by keys alone', async () => {
    await seen.open('')
    await seen.page.keyboard.press('Control+k')
    await seen.page.getByRole('dialog').waitFor()
    await seen.page.keyboard.type('links')
    await seen.page.keyboard.press('Enter')
    await seen.page.waitForURL(/\/console\/links/)
    await seen.page.locator('main h1').click() // out of whatever field has the focus
    await seen.page.keyboard.press('g')
    await seen.page.keyboard.press('o')
    await seen.page.waitForURL(/\/console\/?$/)
    await seen.page.keyboard.press('?')
    await seen.page.getByRole('dialog').waitFor()
    await seen.page.keyboard.press('Escape')
  })

  test('says which replica was lost, and goes on', async () => {
    await seen.open('')
    await strip().getByText('3 replicas').waitFor()
    fleet.replicas[2]!.kill('SIGKILL')
    await strip().getByText('lost').waitFor({ timeout: 30_000 })
    await banner()
      .getByText(/Lost: not heard of/)
      .waitFor()
    // The stream may have been the killed replica's; the page opened another.
    for (let n = seen.complaints.length - 1; n >= 0; n--)
      if (/INCOMPLETE_CHUNKED.*overview\/stream/.test(seen.complaints[n]!)) seen.complaints.splice(n, 1)
  })

  test('says that the database is away, while redirects go on, and that it is back', async () => {
    await seen.open('')
    await fleet.postgres.stop()
    await banner()
      .getByText(/database/i)
      .first()
      .waitFor({ timeout: 30_000 })
    const answer = await fetch(`${fleet.nginx}/seen`, { redirect: 'manual' })
    expect(answer.status).toBe(302)
    await fleet.postgres.start()
    await banner()
      .getByText(/database/i)
      .first()
      .waitFor({ state: 'detached', timeout: 30_000 })
    seen.forgive(503)
  })
})
