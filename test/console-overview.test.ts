// The console's overview and shell in Chromium, on three replicas of the executable behind nginx: one is killed and the database is stopped
// while the page is open.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type Cluster, startCluster } from '../deploy/cluster/cluster.ts'
import { nginxProgram } from '../deploy/cluster/nginx.ts'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { serverBinaries } from './postgres.ts'
import { UNLIMITED } from './server.ts'

const CHAOS_TOKEN = 'a-token-for-the-drill'
const installed = serverBinaries() !== undefined && nginxProgram() !== undefined
if (!installed) console.warn('SKIPPED: test/console-overview.test.ts (PostgreSQL or nginx is not installed)')

describe.skipIf(!hasBrowser || !installed)('the overview', () => {
  let fleet: Cluster
  let seen: Visit
  const strip = () => seen.page.getByRole('group', { name: 'Replica' })
  const banner = () => seen.page.getByRole('alert', { name: 'New problems' })

  beforeAll(async () => {
    fleet = await startCluster({ nginx: { OPERATORS: 'allow all;' }, env: { ...UNLIMITED, CHAOS_TOKEN } })
    await fetch(`${fleet.nginx}/urls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ original_url: 'https://example.com/seen', short_code: 'seen' }),
    })
    seen = await visit(fleet.nginx, { token: fleet.adminToken })
    seen.forgive(401) // before the sign-in
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen?.close()
    await fleet?.stop()
  })

  test('shows three replicas, and charts that follow requests to any of them', async () => {
    await seen.open('')
    await strip().getByText('3 replicas').waitFor()
    expect(await strip().getByText('ready').count()).toBe(3)
    for (let n = 0; n < 40; n++) await fetch(`${fleet.nginx}/seen`, { redirect: 'manual' })
    expect(await seen.page.locator('main canvas').count()).toBeGreaterThanOrEqual(7)
    await seen.page.getByRole('button', { name: /table/i }).first().click()
    await seen.page.locator('main table').first().waitFor()
    expect(await seen.page.locator('main table').first().textContent()).toContain('3xx')
  })

  test('shows the test of an alert as a test: no problem, and read out once', async () => {
    await seen.open('links')
    const status = seen.page.getByRole('status').first()
    await status.getByText('Healthy').waitFor()
    await seen.page.evaluate(() => {
      const place = document.querySelector('[role=alert][aria-label="New problems"]')!
      ;(window as any).announced = []
      new MutationObserver(() => (window as any).announced.push(place.textContent)).observe(place, {
        subtree: true,
        childList: true,
        characterData: true,
      })
    })
    const fired = await fetch(`${fleet.replicas[1]!.url}/api/alerts/high_error_rate/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.adminToken}` },
    })
    expect(fired.status).toBe(202)
    const line = seen.page.locator('.banner li.warn', { hasText: 'Test of the alert “High error rate”, ends in' })
    await line.waitFor()
    await line.getByText(/ends in [2-4] s/).waitFor() // it counts down
    expect(await status.textContent()).toContain('Healthy')
    expect(await seen.page.locator('.banner li.bad').count()).toBe(0)
    await line.waitFor({ state: 'detached' })
    expect(await seen.page.evaluate(() => (window as any).announced)).toEqual([
      expect.stringMatching(/: Test of the alert “High error rate”$/),
      '',
    ])
  })

  test('arms a fault on the selected replica, shows it whichever replica responds, and ends it everywhere', async () => {
    const { page } = seen
    const fill = async (button: string) => {
      await page.getByLabel('Chaos token').fill(CHAOS_TOKEN)
      await page.getByRole('dialog').getByRole('button', { name: button, exact: true }).click()
    }
    await seen.open('chaos')
    const where = page.getByLabel('Replica', { exact: true })
    await where.waitFor()
    expect((await where.locator('option').allTextContents()).at(-1)).toBe('All 3 replicas')
    const name = new RegExp(`:${new URL(fleet.replicas[1]!.url).port}$`)
    await where.selectOption({
      label: (await where.locator('option').allTextContents()).find((text) => name.test(text.split(' ')[0]!))!,
    })
    await page.getByLabel('Latency').check()
    await page.getByLabel('Duration in seconds').fill('120')
    await page.getByLabel('Added delay in ms').fill('1')
    await page.getByRole('button', { name: 'Arm…' }).click()
    await fill('Arm')
    const armed = page.getByRole('region', { name: 'Armed now' })
    for (let look = 0; look < 6; look++) {
      await seen.open('chaos')
      await armed.getByText(/Latency: 1 ms on every request on \S+:\d+/).waitFor()
      expect(await armed.locator('time').count()).toBe(1) // the countdown
    }
    expect(await seen.violations()).toEqual([])
    await page.getByRole('button', { name: 'End now…' }).click()
    await fill('End all')
    await page.getByText(/^Ended latency on \S+:\d+\.$/).waitFor()
    await page.getByText('No faults armed').waitFor()
    await armed.waitFor({ state: 'detached' })

    await fetch(`${fleet.replicas[2]!.url}/api/alerts/disk_space/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.adminToken}` },
    })
    for (let look = 0; look < 4; look++) {
      await seen.open('alerts')
      await page
        .getByRole('table', { name: 'Alerts that fired' })
        .getByRole('row', { name: /Disk space/ })
        .waitFor()
    }
    expect(await seen.violations()).toEqual([])
  })

  test('is left and opened by the keyboard alone', async () => {
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

  test('says which replica was lost, and continues', async () => {
    await seen.open('')
    await strip().getByText('3 replicas').waitFor()
    fleet.replicas[2]!.kill('SIGKILL')
    await strip().getByText('lost').waitFor()
    await banner()
      .getByText(/Stopped responding at/)
      .waitFor()
    // The stream may have been the killed replica's; the page opened another.
    for (let n = seen.complaints.length - 1; n >= 0; n--)
      if (/INCOMPLETE_CHUNKED.*overview\/stream/.test(seen.complaints[n]!)) seen.complaints.splice(n, 1)
  })

  test('says that the database is unreachable, while redirects keep working, and that it is back', async () => {
    await seen.open('')
    await fleet.postgres.stop()
    await banner()
      .getByText(/database/i)
      .first()
      .waitFor()
    const answer = await fetch(`${fleet.nginx}/seen`, { redirect: 'manual' })
    expect(answer.status).toBe(302)
    await fleet.postgres.start()
    await banner()
      .getByText(/database/i)
      .first()
      .waitFor({ state: 'detached' })
    seen.forgive(503)
  })
})
