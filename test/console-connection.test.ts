// What the console shows when the server dies, freezes or is cut off, and what it does once the server responds again: in Chromium.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { type Child, startChild } from './child.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const TOKEN = 'the-operator-of-this-connection'
const PAGES = ['', 'links', 'links/1', 'events', 'logs', 'about']
const word = (page: Page, text: string | RegExp) => page.locator('.top .state').filter({ hasText: text })

/** Forwards bytes to `port`, and drops them on request. */
async function openProxy(port: number) {
  const sockets = new Set<Socket>()
  let swallows = false
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => swallows || to.write(bytes))
      from.on('close', () => to.destroy())
      from.on('error', () => to.destroy())
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    base: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    swallow: (on: boolean) => {
      swallows = on
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe.skipIf(!hasBrowser)('every page says so', () => {
  let child: Child
  let proxy: Awaited<ReturnType<typeof openProxy>>
  let settings: Record<string, string>

  /** One window for each page, all live. */
  async function openAll(base: string) {
    const seen = await visit(base)
    const pages: Page[] = []
    for (const path of PAGES) {
      const page = await seen.page.context().newPage()
      await page.goto(`/console/${path}`)
      pages.push(page)
    }
    for (const page of pages) await word(page, 'Healthy').waitFor()
    return { seen, pages, all: (look: (page: Page) => Promise<unknown>) => Promise.all(pages.map(look)) }
  }

  beforeAll(async () => {
    settings = await anyDatabase.settings()
    child = await startChild({ ...settings, ...UNLIMITED })
    await child.call('POST', '/urls', { original_url: 'https://example.com/', short_code: 'first' })
    proxy = await openProxy(child.port)
  })
  afterAll(() => {
    proxy?.close()
    child?.kill('SIGKILL')
  })

  test('when the server is frozen, and when it continues', async () => {
    const { seen, pages, all } = await openAll(child.base)
    try {
      child.kill('SIGSTOP')
      await all((page) => word(page, 'Not live').waitFor())
      await all((page) => page.getByText(/Last update \d+ s ago/).waitFor())
      await pages[0]!.locator('.replicas.dimmed').waitFor()
      await pages[2]!.getByText('Not live', { exact: false }).first().waitFor()
      await pages[3]!.getByRole('button', { name: 'Not live' }).waitFor()
      await pages[4]!.locator('main .state').filter({ hasText: 'last update' }).waitFor()
      child.kill('SIGCONT')
      await all((page) => word(page, 'Healthy').waitFor())
      await pages[0]!.locator('.replicas:not(.dimmed)').waitFor()
      await pages[4]!.locator('main .state').filter({ hasText: 'live' }).waitFor()
    } finally {
      child.kill('SIGCONT')
      await seen.close()
    }
  })

  test('when the network drops everything, and when it works again', async () => {
    const { seen, all } = await openAll(proxy.base)
    try {
      proxy.swallow(true)
      await all((page) => word(page, 'Not live').waitFor())
      await all((page) => word(page, 'No connection').waitFor())
      proxy.swallow(false)
      await all((page) => word(page, 'Healthy').waitFor())
    } finally {
      proxy.swallow(false)
      await seen.close()
    }
  })

  test('when the server is dead', async () => {
    const { seen, pages, all } = await openAll(child.base)
    try {
      child.kill('SIGKILL')
      await all((page) => word(page, 'No connection').waitFor())
      await pages[0]!.locator('.replicas.dimmed').waitFor()
      await pages[4]!.locator('main .state').filter({ hasText: 'disconnected' }).waitFor()
    } finally {
      await seen.close()
    }
  })
})

describe.skipIf(!hasBrowser)('a page', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  const rows = () => page.locator('main .table > tbody > tr:not(.blank)')

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    await server.post('/users', { username: 'ada', email: 'ada@example.com' })
    for (let n = 1; n <= 60; n++)
      await server.post('/urls', { original_url: `https://example.com/${n}`, short_code: `row-${n}`, user_id: 1 })
    await server.post('/api/keys', { name: 'a key', scope: 'read' })
    await server.post('/api/blocklist', { host: 'bad.example' })
    seen = await visit(server.base, { token: TOKEN })
    page = seen.page
    seen.forgive(401)
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen?.close()
    await server?.stop()
  })

  test('retries as soon as the database is back, not after its back-off', async () => {
    const paths = ['links', 'users', 'events', 'keys', 'blocklist', 'links/1']
    const windows: Page[] = []
    server.database.pretendUnreachable(1)
    for (const path of paths) {
      const window = await page.context().newPage()
      await window.goto(`/console/${path}`)
      // The last that the countdown said, as long as there was one.
      await window.evaluate(() => {
        setInterval(() => {
          const said = /Retry in (\d+) s/.exec(document.querySelector('main .trouble')?.textContent ?? '')
          if (said) (globalThis as any).lastSaid = Number(said[1])
        }, 50)
      })
      windows.push(window)
    }
    for (const window of windows) await window.getByText(/Retry in [78] s/).waitFor()
    server.database.pretendUnreachable(0)
    for (const window of windows) {
      await window.locator('main .trouble').waitFor({ state: 'detached' })
      expect(await window.evaluate(() => (globalThis as any).lastSaid)).toBeGreaterThan(1)
      await window.locator('main tbody tr:not(.blank), main .link-facts').first().waitFor()
    }
    for (const window of windows) await window.close()
  })

  test('never shows old rows under a new search', async () => {
    await seen.open('links')
    await rows().first().waitFor()
    const held = Promise.withResolvers<void>()
    await page.route('**/urls?q=row-7*', async (route) => {
      await held.promise
      await route.continue().catch(() => {}) // the page may have given it up
    })
    await page.getByLabel('Search links').fill('row-7')
    await page.locator('main .table tr.blank').first().waitFor()
    expect(await rows().count()).toBe(0)
    expect(await page.locator('.note').textContent()).toBe('–')
    held.resolve()
    await page.waitForFunction(() => document.querySelector('.note')?.textContent === '1 found')
    expect(await rows().count()).toBe(1)
    await page.unroute('**/urls?q=row-7*')

    await page.route('**/events?*event_type=created*', (route) => route.fulfill({ status: 500, json: { error: 'no' } }))
    await seen.open('events')
    await rows().first().waitFor()
    await page.getByLabel('Type').selectOption('created')
    await page.locator('main .trouble').waitFor()
    expect(await rows().count()).toBe(0) // a failure is no answer either
    seen.forgive(500)
    await page.unroute('**/events?*event_type=created*')
  })

  test.each([
    ['links', '#main .link .name', 'links/'],
    ['events', '#main .link a', 'links/'],
  ])('goes back to where it was: %s', async (path, link, to) => {
    await seen.open(path)
    await rows().nth(30).waitFor()
    await page.waitForFunction(() => {
      scrollTo({ top: 700 }) // again while the page still grows
      return scrollY === 700
    })
    const held = Promise.withResolvers<void>()
    const row = page.locator(link).nth(25)
    const place = await row.evaluate((element) => {
      const at = scrollY // 700, or more if a banner has appeared above it
      ;(element as HTMLElement).click()
      return at
    })
    await page.waitForURL(`**/${to}*`)
    await page.locator('.link-facts').waitFor()
    expect(await page.evaluate(() => scrollY)).toBe(0)
    await page.route(`**/${path === 'links' ? 'urls' : path}?*`, async (route) => {
      await held.promise
      await route.continue().catch(() => {}) // the page may have given it up
    })
    await page.goBack()
    await page.waitForFunction((place) => scrollY === place, place) // by the rows of before: no new ones came
    expect(await rows().count()).toBe(50)
    held.resolve()
    await page.unroute(`**/${path === 'links' ? 'urls' : path}?*`)
    await page.reload()
    // Where the page says that it was left: a new row may come above it in that moment.
    const places = () => page.evaluate(() => [scrollY, JSON.parse(sessionStorage.getItem('waypost:scroll')!)[1]])
    await until('it is back at its place', async () => {
      const [now, left] = await places()
      return left > 600 && Math.abs(now - left) < 2
    })
  })

  test.each(['read', 'write', 'metrics', 'bound'])('asks for nothing that a key may not see: %s', async (scope) => {
    const bound = scope === 'bound'
    const { key } = (
      await server.post('/api/keys', { name: scope, scope: bound ? 'write' : scope, ...(bound && { user_id: 1 }) })
    ).body
    const theirs = await visit(server.base)
    try {
      await theirs.page.goto('/console/links')
      await theirs.page.getByLabel('Token').fill(key)
      await theirs.page.getByRole('button', { name: 'Sign in' }).click()
      await theirs.page.getByRole('navigation', { name: 'Pages' }).waitFor()
      theirs.forgive(401)
      const names = await theirs.page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents()
      expect(names.map((name) => name.slice(0, -1))).toEqual(
        scope === 'metrics'
          ? []
          : bound
            ? ['Links', 'Tags', 'Users', 'Events']
            : ['Overview', 'Links', 'Tags', 'Users', 'Events', 'Blocklist', 'Logs', 'Alerts', 'Chaos', 'About'],
      )
      expect(await theirs.page.locator('.rail a.apart').count()).toBe(scope === 'metrics' || bound ? 0 : 3)
      for (const path of ['', 'links', 'users', 'events', 'blocklist', 'logs', 'alerts', 'chaos', 'keys', 'config', 'about']) {
        await theirs.open(path)
        await theirs.page.waitForFunction(() => !document.querySelector('main [aria-busy=true]'))
        await theirs.page.evaluate(() => fetch('/health')) // what the page asked for by itself went out before
        expect([path, theirs.complaints.splice(0)]).toEqual([path, []])
        expect(await theirs.page.locator('main .trouble').count()).toBe(0)
      }
      await theirs.open('logs')
      const refused = theirs.page.getByText('Your key has no access to this page')
      if (bound || scope === 'metrics') await refused.waitFor()
      expect(await theirs.page.locator('.log-filters').count()).toBe(bound || scope === 'metrics' ? 0 : 1)
      if (scope !== 'metrics') {
        await theirs.open('links')
        await theirs.page.locator('main .table tbody tr').first().waitFor()
        expect(await theirs.page.getByPlaceholder('User id').count()).toBe(bound ? 0 : 1)
      }
    } finally {
      await theirs.close()
    }
  })
})
