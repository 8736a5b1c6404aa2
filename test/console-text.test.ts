// Text by others in the console cannot hide or reverse the text around it; a pasted short link is found; times have a zone.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const TOKEN = 'the-operator-of-this-text'
const TURNED = '\u202egpj.exe'
const SHOWN = '⟨U+202E⟩gpj.exe'

describe('a short link', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase, {
      ...UNLIMITED,
      PUBLIC_URL: 'https://go.example/s',
      OWN_HOSTS: 'old.example,other.example:8443',
    })
    for (const short_code of ['cc9', 'CC9', 'cc99', 'cc999'])
      await server.post('/urls', { original_url: `https://example.com/of/${short_code}`, short_code })
    for (let n = 0; n < 60; n++)
      await server.post('/urls', { original_url: `https://example.com/x${n}`, short_code: `cc9-${n}`, title: 'go.example' })
  })
  afterAll(() => server?.stop())
  const found = async (query: Record<string, string>) =>
    (await server.get(`/urls?${new URLSearchParams(query)}`)).body.map((link: { short_code: string }) => link.short_code)

  test.each([
    ['https://go.example/s/cc9', ['cc9']],
    ['http://go.example/s/cc9', ['cc9']],
    ['go.example/s/cc9', ['cc9']],
    ['//go.example/s/cc9', ['cc9']],
    ['GO.Example/s/CC9', ['CC9']],
    ['https://go.example/s/cc9/', ['cc9']],
    ['https://go.example/s/cc9+', ['cc9']],
    ['https://go.example/s/cc9?utm_source=x#top', ['cc9']],
    ['https://go.example/s/cc9).', ['cc9']],
    [' https://go.example/s/cc9 ', ['cc9']],
    ['old.example/cc99', ['cc99']],
    ['https://old.example:1234/cc99', ['cc99']],
    ['other.example:8443/cc999', ['cc999']],
    ['https://go.example/s/urls/cc9', ['cc9']],
    ['https://go.example/s/nope', []],
    ['https://elsewhere.example/cc9', []],
    ['https://go.example/s/console/links', []],
  ])('finds its link: %s', async (q, codes) => expect(await found({ q })).toEqual(codes))

  test('with the host of the request finds its link, too', async () => {
    const own = await serveOn(anyDatabase, UNLIMITED)
    await own.post('/urls', { original_url: 'https://example.com/', short_code: 'here' })
    await own.post('/urls', { original_url: 'https://example.com/', short_code: 'here-too' })
    for (const q of [`${own.base}/here`, `${own.base.replace('http://', '')}/here+`])
      expect((await own.get(`/urls?${new URLSearchParams({ q })}`)).body.map(({ short_code }: any) => short_code)).toEqual([
        'here',
      ])
    await own.stop()
  })

  test('is exported, and combined with other filters', async () => {
    expect((await server.get('/api/export/links.csv?q=https://go.example/s/cc9')).text.trim().split('\r\n')).toHaveLength(2)
    expect(await found({ q: 'https://go.example/s/cc9', is_active: 'false' })).toEqual([])
    expect(await found({ code: 'cc9' })).toEqual(['cc9'])
    expect(await found({ code: 'cc9', q: 'of/cc9' })).toEqual(['cc9'])
    expect(await found({ code: 'cc9', q: 'nothing' })).toEqual([])
    expect(await found({ code: 'cc9', q: 'go.example/s/cc99' })).toEqual([])
    expect((await found({ q: 'cc9' })).length).toBe(20)
    expect((await found({ q: 'go.example' })).length).toBe(20) // a host alone is a text like others
  })

  test.skipIf(!hasBrowser)('is found in the list and by Ctrl-K, an exact code before all others', async () => {
    const seen = await visit(server.base)
    const { page } = seen
    const first = () => page.locator('main .table > tbody > tr:not(.blank)').first().locator('.short-url .code')
    await seen.open('links')
    await page.getByLabel('Search links').fill('https://go.example/s/cc9?x=1')
    await page.waitForFunction(() => document.querySelector('.note')?.textContent === '1 found')
    expect(await first().textContent()).toBe('cc9')
    await page.getByLabel('Search links').fill('cc9')
    await page.waitForFunction(() => document.querySelector('.note')?.textContent === '64 found')
    await page.waitForFunction(() => document.querySelector('main .table > tbody .short-url .code')?.textContent === 'cc9')
    await page.getByLabel('Search links').fill('cc99+')
    await page.waitForFunction(() => document.querySelector('main .table > tbody .short-url .code')?.textContent === 'cc99')
    await page.keyboard.press('Control+k')
    for (const text of ['cc9', 'old.example/cc9', 'cc9+']) {
      await page.getByRole('combobox', { name: /^Find/ }).fill(text)
      await page.waitForFunction(
        () => document.querySelector('#found [role=option][id^="found-link"] .word')?.textContent === 'cc9',
      )
    }
    await page.keyboard.press('Escape')
    await page.getByLabel('Code', { exact: true }).fill('cc9')
    await page.getByText('This code is already taken.').waitFor()
    expect(seen.complaints).toEqual([])
    await seen.close()
  })
})

describe.skipIf(!hasBrowser)('in the console', () => {
  let server: TestServer
  let seen: Visit
  let page: Page

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    await server.post('/users', { username: `ada${TURNED}`, email: `a${TURNED}@example.com` })
    await server.post('/urls', {
      original_url: `https://example.com/${TURNED}`,
      short_code: 'turned',
      title: `title ${TURNED}`,
      user_id: 1,
    })
    await server.get('/turned', { 'user-agent': 'Mozilla/5.0 Chrome/142.0.0.0', referer: 'https://news.example/' })
    await server.post('/events', { event_type: `made${TURNED}`, details: { note: TURNED } })
    await server.post('/api/blocklist', { host: 'bad.example', reason: `reason ${TURNED}` })
    await server.post('/api/keys', { name: `key ${TURNED}`, scope: 'read' })
    server.ring.write(JSON.stringify({ level: 'info', time: new Date().toISOString(), message: `line ${TURNED}`, agent: TURNED }))
    seen = await visit(server.base, { token: TOKEN })
    seen.forgive(401)
    page = seen.page
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen?.close()
    await server?.stop()
  })

  test.each([
    ['links', 2],
    ['links/1', 2],
    ['users', 2],
    ['events', 3],
    ['blocklist', 1],
    ['keys', 1],
    ['logs', 2],
  ])('text of others hides nothing and turns nothing: %s', async (path, least) => {
    await seen.open(path)
    await page.getByText('⟨U+202E⟩').first().waitFor()
    await page.waitForFunction(
      (least) => (document.querySelector('main')!.textContent!.match(/⟨U\+202E⟩/g) ?? []).length >= least,
      least,
    )
    const raw = await page.evaluate(() => [
      ...[...document.querySelectorAll('main *')].flatMap((element) =>
        [...element.attributes]
          .filter(({ name, value }) => !/^(value|href)$/.test(name) && value.includes('\u202e'))
          .map(({ name }) => `${element.tagName} ${name}`),
      ),
      ...(document.body.textContent!.includes('\u202e') ? ['text'] : []),
    ])
    expect(raw).toEqual([])
    const loose = await page.evaluate((shown) => {
      const walker = document.createTreeWalker(document.querySelector('main')!, NodeFilter.SHOW_TEXT)
      const found: string[] = []
      while (walker.nextNode()) {
        const { parentElement, textContent } = walker.currentNode
        if (textContent!.includes(shown) && !parentElement!.closest('bdi, pre, option, title'))
          found.push(parentElement!.outerHTML.slice(0, 200))
      }
      return found
    }, '⟨U+202E⟩')
    expect(loose).toEqual([])
  })

  test('a field shows its hidden characters, and a name that cannot be typed can be confirmed', async () => {
    await seen.open('links?edit=1')
    await page.getByText(`Contains hidden characters: title ${SHOWN}`).waitFor()
    await seen.open('users')
    await page.getByRole('button', { name: `Delete ada${SHOWN}` }).click()
    await page.getByRole('dialog').getByRole('textbox').fill(`ada${SHOWN}`)
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).isEnabled()).toBe(true)
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  })

  test.each(['Foo/Bar', 'UTC-7'])('a time zone that the browser does not know is UTC, and the page says so: %s', async (TZ) => {
    const theirs = await visit(server.base, { TZ, token: TOKEN })
    theirs.forgive(401)
    await theirs.open('links/1')
    await theirs.page.getByText('Times are in UTC: this browser does not know its time zone.').waitFor()
    await theirs.page.getByRole('img', { name: /^Clicks by day/ }).waitFor()
    expect(await theirs.page.getByLabel('Time zone').inputValue()).toBe('UTC')
    for (const path of ['', 'links', 'events', 'logs', 'users']) {
      await theirs.open(path)
      await theirs.page.waitForFunction(() => !document.querySelector('main [aria-busy=true]'))
    }
    expect(theirs.complaints).toEqual([])
    await theirs.close()
  })

  test.each([
    ['that nobody knows', 'Foo/Bar', 'there is no time zone Foo/Bar', 'UTC'],
    ['that is no name', TURNED, `there is no time zone ${SHOWN}`, 'UTC'],
    ['that is an offset', '+03:00', 'there is no time zone +03:00', 'UTC'],
  ])('an address with a zone %s shows UTC', async (_, tz, said, zone) => {
    await seen.open(`links/1?${new URLSearchParams({ tz })}`)
    await page.getByText(`Times are in UTC: ${said}.`).waitFor()
    expect(await page.getByLabel('Time zone').inputValue()).toBe(zone)
    expect((await server.get(`/urls/1/stats?${new URLSearchParams({ tz })}`)).body.details).toMatchObject([{ field: 'tz' }])
  })

  test('a zone that only the server does not know becomes UTC, too', async () => {
    await page.route(/stats\?tz=Asia/, (route) =>
      route.fulfill({ status: 400, json: { error: 'tz is unknown', details: [{ field: 'tz', message: 'is unknown' }] } }),
    )
    await seen.open('links/1?tz=Asia/Tokyo')
    await page.getByText('Times are in UTC: there is no time zone Asia/Tokyo.').waitFor()
    await page.getByRole('img', { name: /^Clicks by day/ }).waitFor()
    seen.forgive(400)
  })
})
