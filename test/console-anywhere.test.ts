// Ways to a new link from elsewhere, in Chromium: a bookmarklet, the share menu, the address bar, the installed console.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { PNG } from 'pngjs'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const TOKEN = 'the-operator-from-anywhere'
const PAGE = 'https://example.com/a/page?x=1&y=ä#part'
const FILLED = `links/new?${new URLSearchParams({ url: PAGE, title: 'A & B' })}`

describe.skipIf(!hasBrowser)('a new link', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    await server.post('/urls', { original_url: 'https://example.com/found', short_code: 'found-me' })
  })
  beforeEach(async () => {
    seen = await visit(server.base)
    page = seen.page
  })
  afterEach(async () => {
    seen.forgive(401)
    expect(seen.complaints.splice(0)).toEqual([])
    await seen.close()
  })
  afterAll(() => server?.stop())

  const links = async () => (await server.get('/urls?per_page=100')).body as { original_url: string; title: string | null }[]
  const signIn = async (token = TOKEN) => {
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  }
  const formOf = async (of: Page = page) => {
    await of.locator('#new-target').waitFor()
    return { target: await of.locator('#new-target').inputValue(), title: await of.locator('#new-title').inputValue() }
  }
  const query = (values: Record<string, string>) => `links/new?${new URLSearchParams(values)}`

  test('is filled in by the address, also after a sign-in, and created by a press only', async () => {
    const before = await links()
    await seen.open(FILLED)
    await signIn()
    expect(await formOf()).toEqual({ target: PAGE, title: 'A & B' })
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/console/links')
    await page.reload()
    expect(await formOf()).toEqual({ target: PAGE, title: 'A & B' })
    expect(await links()).toEqual(before)
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.locator('.made').waitFor()
    const made = (await links()).slice(before.length)
    expect(made).toMatchObject([{ original_url: PAGE, title: 'A & B' }])
    expect(await formOf()).toEqual({ target: '', title: '' })
  })

  test.each<[what: string, values: Record<string, string>, target: string, title: string]>([
    ['an address alone', { url: PAGE }, PAGE, ''],
    ['what Chrome on Android shares', { title: 'A page', text: PAGE }, PAGE, 'A page'],
    ['an address after some words', { text: `Look at this ${PAGE} now` }, PAGE, ''],
    ['an address as its own title', { url: PAGE, title: PAGE }, PAGE, ''],
    ['a title alone', { title: 'A page' }, '', 'A page'],
  ])('is filled in by %s', async (_, values, target, title) => {
    await seen.open(query(values))
    await signIn()
    expect(await formOf()).toEqual({ target, title })
  })

  test('to something that is not a web address is refused at once', async () => {
    await seen.open(query({ url: 'javascript:alert(1)', title: 'x'.repeat(501) }))
    await signIn()
    await page.getByText('Use an http or https address.').waitFor()
    await page.getByText('Use at most 500 characters.').waitFor()
    const before = await links()
    await page.getByRole('button', { name: 'Shorten' }).click()
    expect(await links()).toEqual(before)
  })

  test('has an empty form without an offer, and the cursor in it', async () => {
    await seen.open('links')
    await signIn()
    await page.getByRole('button', { name: 'Find' }).click()
    await page.keyboard.type('new link')
    await page.getByRole('option', { name: 'New link', exact: true }).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('#new-target:focus').waitFor()
    expect(await formOf()).toEqual({ target: '', title: '' })
  })

  test('is not for a key that may only read', async () => {
    const { key } = (await server.post('/api/keys', { name: 'reader', scope: 'read' })).body
    await seen.open(FILLED)
    await signIn(key)
    await page.getByText('Your key cannot create links: that needs the scope write.').waitFor()
    expect(await page.locator('#new-target').count()).toBe(0)
    expect(await seen.violations()).toEqual([])
  })

  test('is one click away from any page, by a bookmarklet', async () => {
    await seen.open('links')
    await signIn()
    await page.keyboard.press('?')
    await page.getByRole('button', { name: 'Add links from anywhere' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add links from anywhere' })
    const bookmark = dialog.getByRole('link', { name: 'Shorten this page' })
    const code = (await bookmark.getAttribute('href'))!
    expect(await seen.violations()).toEqual([])
    await bookmark.click() // does nothing here
    await dialog.getByRole('button', { name: 'Copy its address' }).click()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code)

    await using elsewhere = Bun.serve({
      port: 0,
      fetch: () =>
        new Response('<!doctype html><title>Häuser & Gärten</title>', {
          headers: { 'content-type': 'text/html; charset=utf-8' },
        }),
    })
    const other = await page.context().newPage()
    const address = `http://localhost:${elsewhere.port}/page?q=1&r=ü#here`
    await other.goto(address)
    const [opened] = await Promise.all([page.context().waitForEvent('page'), other.evaluate(code.replace(/^javascript:/, ''))])
    expect(await formOf(opened)).toEqual({ target: new URL(address).href, title: 'Häuser & Gärten' })
  })

  test('and a search are offered to the address bar', async () => {
    await seen.open('links')
    await signIn()
    const link = page.locator('link[rel="search"]')
    expect(await link.getAttribute('type')).toBe('application/opensearchdescription+xml')
    const { headers, text } = await server.get((await link.getAttribute('href'))!)
    expect(headers.get('content-type')).toBe('application/opensearchdescription+xml; charset=utf-8')
    const [name, template, icon] = await page.evaluate((text) => {
      const xml = new DOMParser().parseFromString(text, 'application/xml')
      const one = (name: string) => xml.getElementsByTagName(name)[0]
      return [one('ShortName')?.textContent, one('Url')?.getAttribute('template'), one('Image')?.textContent]
    }, text)
    expect([name, template, icon]).toEqual([
      'Waypost',
      `${server.base}/console/links?q={searchTerms}`,
      `${server.base}/console/favicon.svg`,
    ])
    await page.goto(template!.replace('{searchTerms}', encodeURIComponent('found-me')))
    await page.getByRole('link', { name: 'found-me' }).first().waitFor()
  })
})

test('the description for the address bar names the host and scheme that the client used', async () => {
  const server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, TRUSTED_PROXIES: '1' })
  const { text } = await server.get('/opensearch.xml', {
    authorization: '',
    host: 'go.example.com',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-proto': 'https',
  })
  expect(text).toContain('template="https://go.example.com/console/links?q={searchTerms}"')
  await server.stop()
})

/** chromium-headless-shell installs nothing, and so finds nothing wrong. */
const installer = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path))
if (!installer) console.warn('SKIPPED: the console as an app (no /usr/bin/chromium)')

describe.skipIf(!hasBrowser || !installer)('the console as an app', () => {
  let server: TestServer
  let context: BrowserContext
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
    // Not a window for a test: nothing can be installed from those, which keep nothing.
    context = await chromium.launchPersistentContext(join(temporaryFolder(), 'profile'), {
      executablePath: installer,
      args: ['--no-sandbox', '--disable-gpu', '--headless=new'],
    })
  })
  afterAll(async () => {
    await context?.close()
    await server?.stop()
  })

  test('can be installed, and accepts addresses that other apps share', async () => {
    const page = await context.newPage()
    await page.goto(`${server.base}/console`)
    const session = await context.newCDPSession(page)
    expect(await session.send('Page.getInstallabilityErrors')).toEqual({ installabilityErrors: [] })
    const { errors, data } = await session.send('Page.getAppManifest')
    expect(errors).toEqual([])
    const { share_target, shortcuts } = JSON.parse(data!)
    const shared = `${server.base}${share_target.action}?${new URLSearchParams({
      [share_target.params.text]: PAGE,
      [share_target.params.title]: 'Shared',
    })}`
    for (const address of [shared, server.base + shortcuts[0].url]) {
      await page.goto(address)
      await page.locator('#new-target').waitFor()
      expect(await page.locator('#new-target').inputValue()).toBe(address === shared ? PAGE : '')
      await page.locator('#new-target').fill('')
      await page.locator('#new-title').fill('')
    }
    await page.goto(`${server.base}/swagger`)
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
    expect(installabilityErrors.map(({ errorId }) => errorId)).toEqual(['no-manifest'])
  })

  test('has icons of the sizes that its manifest names', async () => {
    const { headers, body } = await server.get('/console/manifest.webmanifest')
    expect(headers.get('content-type')).toBe('application/manifest+json')
    for (const { src, sizes, type } of body.icons) {
      const response = await fetch(server.base + src)
      expect([src, response.status, response.headers.get('content-type')?.split(';')[0]]).toEqual([src, 200, type])
      if (type !== 'image/png') continue
      const { width, height } = PNG.sync.read(Buffer.from(await response.arrayBuffer()))
      expect([src, `${width}x${height}`]).toEqual([src, sizes])
    }
  })
})
