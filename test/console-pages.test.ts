// Every page of the console as an operator meets it: the executable, three replicas, nginx before them. Both themes, three widths; with
// SCREENSHOTS=docs/console the pictures of the documents are taken.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Cluster, startCluster } from '../deploy/cluster/cluster.ts'
import { nginxProgram } from '../deploy/cluster/nginx.ts'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { runCommand } from './child.ts'
import { serverBinaries } from './postgres.ts'
import { UNLIMITED } from './server.ts'

const installed = serverBinaries() !== undefined && nginxProgram() !== undefined
if (!installed) console.warn('SKIPPED: test/console-pages.test.ts (PostgreSQL or nginx is not installed)')

const PAGES: [path: string, name: string, shows: string][] = [
  ['links', 'links', 'main tbody tr:not(.blank)'],
  ['links?q=nothing-like-it', 'links-none', 'main h2'],
  ['links/1', 'link', 'main h1'],
  ['links?edit=2000', 'link-edit', 'main form'],
  ['tags', 'tags', 'main tbody tr:not(.blank)'],
  ['tags/newsletter', 'tag', 'main canvas'],
  ['users', 'users', 'main tbody tr:not(.blank)'],
  ['events', 'events', 'main tbody tr:not(.blank)'],
  ['keys', 'keys', 'main h1'],
  ['blocklist', 'blocklist', 'main h1'],
  ['logs', 'logs', 'main [role=option]'],
  ['alerts', 'alerts', 'main tbody tr'],
  ['chaos', 'chaos', 'main form'],
  ['config', 'config', 'main tbody tr'],
  ['about', 'about', 'main h1'],
  ['?window=60', 'overview', 'main canvas'], // last, when there is something to see
]
const LOOKS = [
  ['light', 1440],
  ['dark', 1024],
  ['dark', 390],
] as const
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Googlebot/2.1 (+http://www.google.com/bot.html)',
]
const REFERRERS = ['https://news.example/', 'https://mail.example/inbox', 'https://search.example/?q=waypost']
const pictures = process.env.SCREENSHOTS

describe.skipIf(!hasBrowser || !installed)('the console behind nginx', () => {
  let fleet: Cluster
  let visits: Timer

  beforeAll(async () => {
    if (pictures) mkdirSync(pictures, { recursive: true })
    fleet = await startCluster({
      nginx: { OPERATORS: 'allow all;' },
      env: { ...UNLIMITED, CHAOS_TOKEN: 'a-token-for-chaos', LOG_LEVEL: 'info' },
    })
    await runCommand(['seed', '--demo'], { DATABASE_URL: fleet.database })
    const call = (method: string, path: string, body?: object) =>
      fetch(fleet.nginx + path, {
        method,
        headers: { authorization: `Bearer ${fleet.adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    await call('POST', '/api/keys', { name: 'the newsletter', scope: 'write' })
    await call('POST', '/api/blocklist', { host: 'bad.example' })
    const rules = {
      valid_until: '2036-07-01T10:00:00Z',
      max_clicks: 50_000,
      expired_url: 'https://www.example.com/over',
      confirm: true,
    }
    for (const id of [1, 2000]) await call('PATCH', `/urls/${id}`, { ...rules, note: 'For the newsletter.' })
    await call('PATCH', '/urls/1998', { valid_from: '2036-07-01T10:00:00Z' })
    for (let day = 0; day < 14; day++)
      await Promise.all(
        Array.from({ length: 24 }, (_, n) => {
          const timestamp = new Date(Date.now() - day * 86_400_000 - n * 60_000).toISOString()
          return (
            (n * n + day * (n % 7)) % 5 > 1 &&
            call('POST', '/events', { event_type: 'click', url_id: 2000 - (n % 12), timestamp })
          )
        }),
      )
    const links: { short_code: string }[] = await (await call('GET', '/urls?per_page=20&is_active=true')).json()
    const codes = links.map(({ short_code }) => short_code)
    let n = 0
    visits = setInterval(() => {
      const visitor = { 'user-agent': AGENTS[n % AGENTS.length]!, ...(n % 3 && { referer: REFERRERS[n % REFERRERS.length]! }) }
      const code = ++n % 20 ? codes[(n * n) % codes.length] : 'no-such-link'
      fetch(`${fleet.nginx}/${code}`, { redirect: 'manual', headers: visitor }).catch(() => {})
    }, 100)
  })
  afterAll(async () => {
    clearInterval(visits)
    await fleet?.stop()
  })

  describe.each(LOOKS)('in the %s theme, %i px wide', (theme, width) => {
    let seen: Visit
    beforeAll(async () => {
      seen = await visit(fleet.nginx, { token: fleet.adminToken, theme, width })
      seen.forgive(401) // before the sign-in
    })
    afterAll(() => seen?.close())

    // Between the two other widths, only pages with a different layout: tables, charts and the log.
    const pages = width === 1024 ? PAGES.filter(([, name]) => /^(overview|links|link|logs)$/.test(name)) : PAGES
    test.each(pages)('/console/%s has no violation for axe-core, and no complaint', async (path, name, shows) => {
      await seen.open(path)
      await seen.page.locator(shows).first().waitFor()
      await seen.page.waitForFunction(() => !document.querySelector('[aria-busy=true], .dimmed'))
      expect(await seen.overflows()).toBe(false)
      if (width !== 1024) expect(await seen.violations()).toEqual([])
      if (pictures && width !== 1024) await seen.page.screenshot({ path: join(pictures, `${name}-${theme}-${width}.png`) })
      expect(seen.complaints).toEqual([])
    })
  })
})
