// The console's pages of links, users, events, keys and blocked hosts, in Chromium against a real server: every action, what a keyboard and
// a screen reader meet, both themes, three widths. Nothing is stood in for.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Download, Page } from 'playwright-core'
import { IMPORTED } from '../src/links/columns.ts'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const kind = databases.at(-1)!
const TOKEN = 'the-operator-of-this-test'
const LINKS = 120

describe.skipIf(!hasBrowser)('the console', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  const rows = () => page.locator('main .table > tbody > tr:not(.detail):not(.blank)')
  const row = (text: string) => rows().filter({ hasText: text })
  const toast = (text: string | RegExp) => page.locator('.toast').filter({ hasText: text })
  const settled = () => page.locator('.table:not(.dimmed) > tbody > tr:not(.blank)').first().waitFor()
  const linkOf = async (code: string) => (await server.get(`/urls?q=${code}`)).body.find((link: any) => link.short_code === code)
  /** Chooses from the menu of a row. */
  const act = async (code: string, word: string) => {
    await page.getByRole('button', { name: `More actions for ${code}` }).click()
    await page.getByRole('menuitem', { name: word }).click()
  }
  const entitled = async (code: string, title: string) => server.call('PATCH', `/urls/${(await linkOf(code)).id}`, { title })

  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    const ada = (await server.post('/users', { username: 'ada', email: 'ada@example.com' })).body
    await server.post('/users', { username: 'bela', email: 'bela@example.com' })
    for (let n = 1; n <= LINKS; n++)
      await server.post('/urls', {
        original_url: `https://${n % 10 === 0 ? 'shop' : 'www'}.example.com/page/${n}`,
        short_code: `page-${n}`,
        title: n % 2 ? `Page ${n}` : null,
        user_id: n % 4 === 0 ? ada.id : null,
      })
    seen = await visit(server.base, { token: TOKEN })
    page = seen.page
    seen.forgive(401) // before the sign-in
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen.close()
    await server.stop()
  })

  describe('links', () => {
    test('are listed newest first, and paged in both directions', async () => {
      await seen.open('links')
      await settled()
      expect(await rows().count()).toBe(50)
      expect(await rows().first().textContent()).toContain(`page-${LINKS}`)
      await page.getByRole('button', { name: 'Older' }).first().click()
      await row('page-70').waitFor()
      await page.getByRole('button', { name: 'Older' }).first().click()
      await row('page-20').waitFor()
      expect(await page.getByRole('button', { name: 'Older' }).first().isDisabled()).toBe(true)
      expect(new URL(page.url()).searchParams.has('after')).toBe(true)
      await page.reload() // the place is in the address
      await row('page-20').waitFor()
      await page.getByRole('button', { name: 'Newer' }).first().click()
      await row('page-70').waitFor()
      expect(await rows().count()).toBe(50)
      expect(await rows().first().textContent()).toContain('page-70')
      await page.goBack()
      await row('page-20').waitFor()
      await page.getByRole('button', { name: 'Newest' }).first().click()
      await row(`page-${LINKS}`).waitFor()
    })

    test('are sorted, by a column or a choice, and paged in that order', async () => {
      for (let n = 0; n < 3; n++) await server.get('/page-70')
      await until('they are counted', async () => (await linkOf('page-70')).click_count === 3)
      await seen.open('links')
      await settled()
      await page.getByRole('button', { name: 'Clicks' }).click()
      await page.waitForFunction(() => document.querySelector('.links tbody .short-url')?.textContent?.endsWith('page-70'))
      expect(await page.getByRole('columnheader', { name: 'Clicks' }).getAttribute('aria-sort')).toBe('descending')
      await row('page-70').getByRole('img', { name: '3 in the last 14 days' }).waitFor()
      await page.getByLabel('Order').selectOption('Title, A to Z')
      await page.waitForFunction(() => document.querySelector('.links tbody .name')?.textContent === 'Page 1')
      await page.getByRole('button', { name: 'Next' }).first().click()
      await page.waitForURL(/sort=title&order=asc&page=2/)
      await page.waitForFunction(() => document.querySelector('.links tbody .name')?.textContent !== 'Page 1')
      const second = await rows().first().locator('.name').textContent()
      await page.reload()
      await settled()
      expect(await rows().first().locator('.name').textContent()).toBe(second)
      await page.getByRole('button', { name: 'Previous' }).first().click()
      await page.waitForFunction(() => document.querySelector('.links tbody .name')?.textContent === 'Page 1')
      expect(await seen.violations()).toEqual([])
    })

    test('are searched and filtered, and the address says how', async () => {
      await seen.open('links')
      await page.keyboard.press('/')
      await page.keyboard.type('page/11')
      await page.waitForURL(/q=page%2F11/)
      await page.waitForFunction(() => document.querySelector('.note')?.textContent === '11 found')
      await page.keyboard.press('Escape')
      await page.waitForURL(/links$/)
      await page.getByLabel('State', { exact: true }).selectOption('Inactive')
      await page.getByRole('heading', { name: /^No links match/ }).waitFor()
      await page.getByRole('button', { name: 'Show all links' }).click()
      await page.getByLabel('Filter by user id').fill('1')
      await page.waitForFunction((count) => document.querySelector('.note')?.textContent === `${count} found`, LINKS / 4)
      await page.getByRole('button', { name: 'Clear the user filter' }).click()
      await page.waitForFunction((count) => document.querySelector('.note')?.textContent === String(count), LINKS)
    })

    test('are created, and an invalid one is refused before it is sent', async () => {
      await seen.open('links')
      await settled()
      await page.keyboard.press('n')
      const form = page.getByRole('region', { name: 'New link' })
      await form.getByLabel('New link to').fill('ftp://example.com')
      await form.getByLabel('Code').fill('page-7')
      await form.getByText('This code is already taken.').waitFor()
      await form.getByText('Use an http or https address.').waitFor()
      await form.getByLabel('Code').fill('a b')
      await form.getByText('Use only letters, digits, _ and -.').waitFor()
      expect((await server.post(`/urls/${(await linkOf('page-7')).id}/aliases`, { code: 'page-seven' })).status).toBe(201)
      await form.getByLabel('Code').fill('page-seven')
      await form.getByText('This code is already taken.').waitFor()
      await form.getByLabel('Code').fill('made-here')
      await form.getByLabel('New link to').fill('example.com/made')
      await form.getByLabel('Title').fill('Made here')
      await page.keyboard.press('Enter')
      await row('made-here').waitFor()
      expect(await row('made-here').getAttribute('class')).toContain('fresh')
      expect(await linkOf('made-here')).toMatchObject({ original_url: 'https://example.com/made', title: 'Made here' })
      await form.getByLabel('New link to').fill('www.example.com/page/7')
      await form.getByText('You already have a link to this target').waitFor()
      expect(await form.locator('.known a').getAttribute('href')).toBe(`/console/links/${(await linkOf('page-7')).id}`)
      await form.getByLabel('New link to').fill(`${server.base}/made-here`)
      await form.getByRole('button', { name: 'Shorten' }).click()
      await form.getByText('must not lead back to this server').waitFor()
      expect(seen.forgive(400)).toBe(1)
    })

    test('are created with rules, of which the form keeps everything but the password', async () => {
      await seen.open('links')
      const form = page.getByRole('region', { name: 'New link' })
      await form.getByLabel('New link to').fill('example.com/sale?a=b%20c&d')
      await form.getByLabel('Code').fill('with-rules')
      await form.getByText('More options').click()
      await form.getByLabel('Source').fill('a & b')
      expect(await form.getByLabel('New link to').inputValue()).toBe('example.com/sale?a=b%20c&d&utm_source=a%20%26%20b')
      await form.getByLabel('Valid from').fill('2030-07-02T10:00')
      await form.getByLabel('Valid until').fill('2030-07-01T10:00')
      await form.getByText('Choose a time after the first one.').waitFor()
      await form.getByLabel('Valid until').fill('2030-12-01T10:00')
      await form.getByLabel('Clicks at most').fill('0')
      await form.getByLabel('Then leads to').fill(`${server.base}/back`)
      await form.getByLabel('Password').fill('a secret')
      await form.getByLabel('Ask before leaving').check()
      await form.getByLabel('Note').fill('two\nlines')
      expect(await seen.violations()).toEqual([])
      await page.reload()
      await form.getByRole('button', { name: 'Shorten' }).click()
      await form.getByText('Enter a password. It is not kept with the rest of the form.').waitFor()
      await form.getByText('Enter a whole number from 1 up.').waitFor()
      await page.waitForFunction(() => document.activeElement?.matches('[inputmode=numeric]')) // the first invalid field
      await form.getByLabel('Clicks at most').fill('100')
      await form.getByLabel('Password').fill('a secret')
      await form.getByRole('button', { name: 'Shorten' }).click()
      await form.getByText('This address must not lead back to this server').waitFor()
      expect(seen.forgive(400)).toBe(1)
      await form.getByLabel('Then leads to').fill('example.com/over')
      await form.getByRole('button', { name: 'Shorten' }).click()
      await row('with-rules').getByText('scheduled').waitFor()
      expect(await linkOf('with-rules')).toMatchObject({
        original_url: 'https://example.com/sale?a=b%20c&d&utm_source=a%20%26%20b',
        valid_from: '2030-07-02T08:00:00Z',
        valid_until: '2030-12-01T09:00:00Z',
        max_clicks: 100,
        expired_url: 'https://example.com/over',
        password: true,
        confirm: true,
        note: 'two\nlines',
        card: null,
        noindex: null,
      })
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Copy') // Enter again copies
    })

    test('are edited in place', async () => {
      await seen.open('links?q=page-33')
      await page.getByRole('button', { name: 'Edit page-33' }).click()
      const form = page.getByRole('form', { name: 'Edit page-33' })
      await page.reload() // the address says what is being edited
      await form.getByLabel('Target').fill('not an address at all')
      await form.getByText('This is not a web address.').waitFor()
      expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
      await form.getByLabel('Target').fill('https://example.com/edited')
      await form.getByLabel('Title').fill('Edited')
      await page.keyboard.press('Enter')
      await form.waitFor({ state: 'detached' })
      await row('Edited').waitFor()
      expect(await linkOf('page-33')).toMatchObject({ original_url: 'https://example.com/edited', title: 'Edited' })

      await page.getByRole('button', { name: 'Edit page-33' }).click()
      await form.getByText('More options').click()
      await form.getByLabel('Title of the preview').fill('A preview')
      await form.getByLabel('Password').fill('secret')
      await form.getByLabel('Query of the visit').selectOption('add')
      await form.getByRole('button', { name: 'Save' }).click()
      await form.waitFor({ state: 'detached' })
      const rules = { password: true, forward_query: 'add', card: { title: 'A preview' }, title: 'Edited' }
      expect(await linkOf('page-33')).toMatchObject(rules)

      await page.getByRole('button', { name: 'Edit page-33' }).click()
      await form.getByText('Set. Nobody can read it.').waitFor() // and the options are open: some are set
      await form.getByRole('button', { name: 'Remove' }).click()
      await form.getByLabel('Title of the preview').fill('')
      await form.getByRole('button', { name: 'Save' }).click()
      await form.waitFor({ state: 'detached' })
      expect(await linkOf('page-33')).toMatchObject({ ...rules, password: false, card: null })
    })

    test('are switched off and on', async () => {
      await seen.open('links?q=page-34')
      await act('page-34', 'Deactivate')
      await row('page-34').getByText('inactive').waitFor()
      expect((await server.get('/page-34')).status).toBe(404)
      await page.getByRole('button', { name: 'More actions for page-34' }).press('Enter') // by keyboard
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await row('page-34').getByText('inactive').waitFor({ state: 'detached' })
      expect((await server.get('/page-34')).status).toBe(302)
    })

    test('are restored by Undo, and deleted without it', async () => {
      await seen.open('links?q=page-35')
      await act('page-35', 'Delete')
      await page.getByRole('heading', { name: /^No links match/ }).waitFor()
      await page.getByRole('button', { name: 'Undo' }).click()
      await row('page-35').waitFor()
      expect((await server.get('/page-35')).status).toBe(302)

      await act('page-35', 'Delete')
      await toast('Deleted page-35').getByRole('button', { name: 'Close' }).click()
      await until('it is obeyed', async () => (await server.get('/page-35')).status === 404)
    })

    test('are deleted even if the page is left before the toast disappears', async () => {
      await seen.open('links?q=page-36')
      await act('page-36', 'Delete')
      await toast('Deleted page-36').waitFor()
      await page.goto('/swagger')
      await until('it is obeyed', async () => (await server.get('/page-36')).status === 404)
      seen.complaints.length = 0 // of another page
    })

    test('are selected, with Shift as a range, and changed together', async () => {
      await entitled('page-46', '=1+1')
      await seen.open('links?q=page-4')
      await settled()
      await page.getByRole('checkbox', { name: 'Select page-49' }).check()
      await page.getByRole('checkbox', { name: 'Select page-45' }).click({ modifiers: ['Shift'] })
      const bar = page.getByRole('region', { name: 'Selected links' })
      await bar.getByText('5 selected').waitFor()
      await bar.getByRole('button', { name: 'Deactivate' }).click()
      await toast('Deactivated 5 links').waitFor()
      expect((await server.get('/urls?is_active=false')).body.map((link: any) => link.short_code)).toEqual(
        [45, 46, 47, 48, 49].map((n) => `page-${n}`),
      )
      await toast('Deactivated 5 links').getByRole('button', { name: 'Undo' }).click()
      await until('the answer follows', async () => (await server.get('/urls?is_active=false')).body.length === 0)

      await bar.getByRole('button', { name: 'Copy' }).click()
      await toast('Copied 5 links').waitFor()
      expect((await page.evaluate(() => navigator.clipboard.readText())).split('\n')).toContain(`${server.base}/page-47`)
      const file = await taken(page, () => bar.getByRole('button', { name: 'Export' }).click())
      expect(file.split(/\r?\n/)[0]).toBe(`${MARK}${IMPORTED.join()}`)
      expect(file).toContain(",page-46,https://www.example.com/page/46,'=1+1,")

      await bar.getByRole('button', { name: 'Clear' }).click()
      await page.getByRole('checkbox', { name: 'Select page-44' }).check()
      await page.getByRole('checkbox', { name: 'Select page-43' }).check()
      await bar.getByRole('button', { name: 'Delete' }).click()
      await toast('Deleted 2 links').getByRole('button', { name: 'Close' }).click()
      await until(
        'it is obeyed',
        async () => (await server.get('/page-44')).status === 404 && (await server.get('/page-43')).status === 404,
      )
      await page.getByRole('checkbox', { name: 'Select all on this page' }).check()
      await bar.getByText(/^\d+ selected$/).waitFor()
    })

    test('are changed and deleted together with all others that match, on every page', async () => {
      for (let n = 0; n < 55; n++)
        await server.post('/urls', { original_url: `https://example.com/crowd/${n}`, short_code: `crowd-${n}` })
      const left = async () => (await server.get('/urls?q=crowd-&is_active=true&per_page=100')).body.length
      await seen.open('links?q=crowd-')
      await settled()
      await page.getByRole('checkbox', { name: 'Select all on this page' }).check()
      const bar = page.getByRole('region', { name: 'Selected links' })
      await bar.getByText('50 selected').waitFor()
      await bar.getByRole('button', { name: 'Select all 55 that match' }).click()
      await bar.getByText('All 55 that match are selected').waitFor()
      expect(await bar.getByRole('link', { name: 'Export' }).getAttribute('href')).toContain('q=crowd-')
      await bar.getByRole('button', { name: 'Deactivate' }).click()
      await page.getByRole('dialog', { name: 'Deactivate 55 links?' }).getByRole('button', { name: 'Deactivate' }).click()
      await toast('Deactivated 55 links').waitFor()
      expect(await left()).toBe(0)
      await bar.getByRole('button', { name: 'Activate', exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Activate' }).click()
      await toast(/^Activated 55/).waitFor()
      expect(await left()).toBe(55)
      await bar.getByRole('button', { name: 'Tags…' }).click()
      const tags = page.getByRole('dialog', { name: 'Tags of 55 links' })
      await tags.getByLabel('Add').fill('crowd')
      await tags.getByRole('button', { name: 'Change' }).click()
      await toast('Changed the tags of 55 links').waitFor()
      expect((await server.get('/urls?tag=crowd&per_page=100')).body).toHaveLength(55)
      await seen.open('links?tag=crowd,none&match=any')
      await settled()
      await page.getByRole('checkbox', { name: 'Select all on this page' }).check()
      await bar.getByRole('button', { name: 'Select all 55 that match' }).click()
      await bar.getByRole('button', { name: 'Delete' }).click()
      const sure = page.getByRole('dialog', { name: 'Delete 55 links?' })
      await sure.getByLabel(/Type delete/).fill('delete')
      await sure.getByRole('button', { name: 'Delete' }).click()
      await toast('Deleted 55 links').waitFor()
      await page.getByRole('heading', { name: /^No links match/ }).waitFor()
      expect(await left()).toBe(0)
      expect((await linkOf('page-1')).is_active).toBe(true)
    })

    test('are copied, and shown as a QR code that can be downloaded', async () => {
      await seen.open('links?q=page-50')
      await page.getByRole('button', { name: `Copy ${server.base}/page-50` }).click()
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${server.base}/page-50`)
      await act('page-50', 'QR code')
      const dialog = page.getByRole('dialog', { name: 'QR code of page-50' })
      await dialog.getByRole('img', { name: `QR code that leads to ${server.base}/page-50` }).waitFor()
      expect(await seen.violations()).toEqual([])
      expect(await taken(page, () => dialog.getByRole('button', { name: 'SVG' }).click())).toStartWith('<svg ')
      expect(await taken(page, () => dialog.getByRole('button', { name: 'PNG' }).click())).toStartWith('\x89PNG')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    })

    test('are imported from a file, dropped or chosen, and each invalid row is named', async () => {
      await seen.open('links')
      await settled()
      await page.getByRole('button', { name: 'Import' }).click()
      const dialog = page.getByRole('dialog', { name: 'Import links' })
      const choose = (name: string, text: string) =>
        dialog.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
      expect(await taken(page, () => dialog.getByRole('button', { name: 'Download a template' }).click())).toStartWith(
        'original_url',
      )
      await choose(
        'bad.csv',
        'original_url,short_code\nhttps://example.com/1,from-file-1\nnonsense,from-file-2\nhttps://example.com/3,a b\n',
      )
      await dialog.getByText('Nothing was imported from bad.csv.').waitFor()
      const places = await dialog.locator('tbody tr').allTextContents()
      expect(places).toHaveLength(2)
      expect(places[0]).toStartWith('3original_url')
      expect(places[1]).toStartWith('4short_code')
      expect(await seen.violations()).toEqual([])
      expect(seen.forgive(400)).toBe(1)
      await dialog.getByRole('button', { name: 'Another file' }).click()
      await choose('good.csv', 'original_url,short_code\nhttps://example.com/1,from-file-1\nhttps://example.com/2,from-file-2\n')
      await dialog.getByText('2 rows imported from good.csv.').waitFor()
      await dialog.getByRole('button', { name: 'Done' }).click()
      await row('from-file-2').waitFor()

      await page.evaluate(() => {
        const transfer = new DataTransfer()
        transfer.items.add(
          new File(['original_url,short_code\nhttps://example.com/d,dropped-here\n'], 'dropped.csv', { type: 'text/csv' }),
        )
        for (const type of ['dragover', 'drop'])
          document
            .querySelector('main')!
            .dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }))
      })
      await dialog.getByText('1 row imported from dropped.csv.').waitFor()
      await dialog.getByRole('button', { name: 'Done' }).click()
      await row('dropped-here').waitFor()
    })

    test('show a whole title next to many tags, and all tags where the window is narrow', async () => {
      const title = 'A title that is not cut'
      const tags = Array.from({ length: 20 }, (_, n) => `many-${n}`)
      await server.post('/urls', { original_url: 'https://example.com/', short_code: 'tagged', title, tags })
      try {
        for (const width of [1440, 768, 390]) {
          await page.setViewportSize({ width, height: 900 })
          await seen.open('links?q=tagged')
          const name = row('tagged').locator('.name')
          await name.waitFor()
          expect(await name.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(0)
          const last = row('tagged').locator('.chip').last()
          const isWhole = await last.evaluate(
            (element) => element.getBoundingClientRect().right <= element.parentElement!.getBoundingClientRect().right,
          )
          expect(isWhole).toBe(width < 900)
          expect(await seen.overflows()).toBe(false)
        }
      } finally {
        await page.setViewportSize({ width: 1440, height: 900 })
      }
    })

    test('are exported with their filter', async () => {
      await entitled('page-88', '=1+1')
      await seen.open('links?q=page-8')
      await settled()
      const link = page.getByRole('link', { name: 'Export' })
      const asked = new URL((await link.getAttribute('href'))!, server.base).searchParams
      expect(Object.fromEntries(asked)).toEqual({ q: 'page-8', bom: '1', guard: '1' })
      const file = await taken(page, () => link.click())
      expect(file.trim().split(/\r?\n/)).toHaveLength(1 + 11) // page-8, and page-80 to page-89
      expect(file).toStartWith(`${MARK}id,`)
      expect(file).toContain(",page-88,https://www.example.com/page/88,'=1+1,")
      expect(file).toContain('page-89')
    })
  })

  describe('one link', () => {
    const PHONE =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1'
    const BOT = 'Googlebot/2.1 (+http://www.google.com/bot.html)'
    let id: number

    beforeAll(async () => {
      id = (await linkOf('page-60')).id
      for (let n = 0; n < 5; n++) await server.get('/page-60', { 'user-agent': PHONE, referer: 'https://news.example.org/today' })
      for (let n = 0; n < 2; n++) await server.get('/page-60', { 'user-agent': BOT })
      await until('the answer follows', async () => (await server.get(`/urls/${id}/stats`)).body.clicks === 7)
    })

    test('shows its clicks by people and bots, by origin, in a time zone and a period', async () => {
      await seen.open(`links/${id}`)
      const sums = page.locator('.link-sums')
      await sums.getByText('5', { exact: true }).waitFor()
      await sums.getByText('2', { exact: true }).waitFor()
      for (const [name, value] of Object.entries({
        Referrers: 'news.example.org',
        Browsers: 'Googlebot',
        Systems: 'iOS',
        Devices: 'Mobile',
      }))
        await page.getByRole('region', { name, exact: true }).getByText(value).waitFor()
      await page.getByRole('img', { name: /^Clicks by day: 7 in 3[01] days, 2 of them by bots/ }).waitFor() // an hour fewer where summer time ended
      await page.getByRole('button', { name: '24 h' }).click()
      await page.getByRole('img', { name: /^Clicks by hour: 7 in 24 hours/ }).waitFor()
      await page.getByLabel('Time zone').selectOption('Asia/Tokyo')
      await page.waitForURL(/tz=Asia/)
      await page.getByRole('button', { name: 'table' }).click()
      const table = page.getByRole('table', { name: 'Clicks over time' })
      await table.getByText(/:00$/).first().waitFor()
      expect(await table.locator('tbody tr').count()).toBe(24)
      await page.getByRole('button', { name: 'bars' }).click()
      await page.getByRole('img', { name: /^Clicks by hour/ }).focus()
      await page.keyboard.press('ArrowRight')
      expect(await page.locator('.bars .at').textContent()).toMatch(/\d\d:\d\d$/)
    })

    test('shows a new click while the page is open', async () => {
      await seen.open(`links/${id}`)
      const recent = page.getByRole('region', { name: 'Recent clicks' })
      await recent.locator('li').nth(6).waitFor()
      await server.get('/page-60', { 'user-agent': PHONE })
      await recent.locator('li.fresh').waitFor()
      await page.locator('.link-sums').getByText('6', { exact: true }).waitFor()
    })

    test('is changed, and its audit trail has the changes, without clicks', async () => {
      await seen.open(`links/${id}`)
      await page.getByRole('button', { name: 'Edit' }).click()
      await page.getByLabel('Title').fill('Under watch')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('switch').click()
      const trail = page.getByRole('region', { name: 'Audit trail' })
      await trail.getByText('deactivated').waitFor()
      await trail.getByText('title: none → Under watch').waitFor()
      expect(await trail.locator('.who').allTextContents()).toEqual([
        'admin token, console',
        'admin token, console',
        'admin token',
      ])
      expect(await trail.locator('.type').allTextContents()).toEqual(['updated', 'updated', 'created'])
      await page.getByRole('switch').click()
      await trail.getByText('activated', { exact: true }).waitFor()
    })

    test('shows its rules in words', async () => {
      const { id } = (
        await server.post('/urls', {
          original_url: 'https://example.com/ruled',
          short_code: 'in-words',
          valid_from: '2020-01-01T00:00:00Z',
          valid_until: '2030-07-01T10:00:00Z',
          expired_url: 'https://example.com/over',
          max_clicks: 100,
          password: 'secret',
          forward_path: true,
        })
      ).body
      await seen.open(`links/${id}?tz=Asia/Tokyo`)
      const rules = page.getByRole('list', { name: 'Rules' }).getByRole('listitem')
      await rules.first().waitFor()
      expect(await rules.allTextContents()).toEqual([
        'Valid since 1 Jan 2020, 09:00 (Asia/Tokyo).',
        'Expires on 1 Jul 2030, 19:00 (Asia/Tokyo), then leads to example.com/over.',
        '100 of 100 clicks left, then it leads to example.com/over.',
        'Visitors must enter a password.',
        '/in-words/rest leads to rest below the target.',
      ])
      await page.getByRole('button', { name: 'Edit' }).click()
      expect(await page.getByLabel('Valid until').inputValue()).toBe('2030-07-01T19:00')
      expect(await page.locator('.link-facts').count()).toBe(0)
      expect(await seen.violations()).toEqual([])
    })

    test('names its owner, and says in words and in local time what was changed', async () => {
      const [ada] = (await server.get('/users?username=ada')).body
      const body = { original_url: 'https://example.com/owned', short_code: 'owned', user_id: ada.id }
      const { id } = (await server.post('/urls', body)).body
      await server.call('PATCH', `/urls/${id}`, { valid_until: '2030-07-01T10:00:00Z', forward_path: true })
      await server.post(`/urls/${id}/aliases`, { code: 'owned-too' })
      await seen.open(`links/${id}`)
      await page.locator('.link-facts').getByRole('link', { name: 'ada', exact: true }).waitFor()
      const trail = page.getByRole('region', { name: 'Audit trail' })
      await trail.getByText('valid until: none → 1 Jul 2030, 12:00').waitFor() // Berlin
      await trail.getByText('forward path: no → yes').waitFor()
      await trail.getByText('alias added').waitFor()
      await seen.open('events')
      await page.getByLabel('Type').selectOption('alias added')
      await page.waitForURL(/type=alias_added/)
      await page.locator('td.type').filter({ hasText: 'alias added' }).first().waitFor()
    })

    test('loses its clicks by a reset, after a question', async () => {
      const link = await linkOf('page-71')
      await server.get('/page-71')
      await server.settled(`/urls/${link.id}/stats`)
      await seen.open(`links/${link.id}`)
      await page.locator('.link-sums').getByText('1', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Reset clicks…' }).click()
      await page.getByRole('dialog', { name: 'Reset the clicks of page-71?' }).getByRole('button', { name: 'Reset' }).click()
      await toast('Reset the clicks of page-71').waitFor()
      await page.locator('.link-sums').getByText('never').waitFor()
      expect((await server.get(`/urls/${link.id}`)).body.click_count).toBe(0)
      await page.getByRole('region', { name: 'Audit trail' }).getByText('clicks: 1').waitFor()
    })

    test('is found by its code, and keeps its clicks and its audit trail when it is deleted', async () => {
      const { id } = (await server.post('/urls', { original_url: 'https://example.com/brief', short_code: 'brief-one' })).body
      await seen.open('links/brief-one')
      await page.waitForURL(`**/console/links/${id}`)
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await page.waitForURL('**/console/links')
      await toast('Deleted brief-one').getByRole('button', { name: 'Close' }).click()
      await until('it is obeyed', async () => (await server.get(`/urls/${id}`)).status === 404)
      await seen.open(`links/${id}`)
      await page.getByText('Deleted. Its code is never issued again.').waitFor()
      await page.getByRole('region', { name: 'Audit trail' }).getByText('reason: manual').waitFor()
      await seen.open('links/999999')
      await page.getByRole('heading', { name: 'Link not found' }).waitFor()
      expect(seen.forgive(404)).toBeGreaterThan(0)
    })
  })

  describe('users', () => {
    test('are created, found, changed, and deleted with everything they own', async () => {
      await seen.open('users')
      await settled()
      await page.keyboard.press('n')
      await page.getByRole('textbox', { name: 'New user' }).fill('cem')
      await page.keyboard.press('Enter')
      await page.getByText('Enter an e-mail address, such as ada@example.com.').waitFor()
      await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com')
      await page.getByRole('button', { name: 'Create' }).click()
      await page.getByText('This e-mail is already taken.').waitFor()
      expect(seen.forgive(409)).toBe(1)
      await page.getByLabel('E-mail', { exact: true }).fill('cem@example.com')
      await page.getByRole('button', { name: 'Create' }).click()
      await row('cem@example.com').waitFor()

      await page.getByLabel('Find a user by username or e-mail').fill('CEM@example.com')
      await page.waitForFunction(() => document.querySelector('.note')?.textContent === '1 found')
      await row('cem').hover()
      await page.getByRole('button', { name: 'Edit cem' }).click()
      const form = page.getByRole('form', { name: 'Edit cem' })
      await form.getByLabel('Username').fill('cemal')
      await form.getByRole('button', { name: 'Save' }).click()
      await row('cemal').waitFor()

      await server.post('/urls', { original_url: 'https://example.com/c', short_code: 'of-cemal', user_id: 3 })
      await row('cemal').hover()
      await page.getByRole('button', { name: 'Delete cemal' }).click()
      const dialog = page.getByRole('dialog', { name: 'Delete cemal?' })
      await dialog.getByText('1 link').waitFor()
      expect(await dialog.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true)
      expect(await seen.violations()).toEqual([])
      await dialog.getByLabel(/Type cemal/).fill('cemal')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('heading', { name: 'No such user' }).waitFor()
      expect((await server.get('/of-cemal')).status).toBe(404)
    })

    test('are imported', async () => {
      await seen.open('users')
      await page.getByRole('button', { name: 'Import' }).click()
      await page.locator('input[type=file]').setInputFiles({
        name: 'users.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from('username,email\ndana,dana@example.com\n'),
      })
      await page.getByText('1 row imported from users.csv.').waitFor()
      await page.getByRole('button', { name: 'Done' }).click()
      await row('dana').waitFor()
    })

    test('lead to their links', async () => {
      await seen.open('users')
      await page.getByRole('link', { name: 'ada', exact: true }).click()
      await page.waitForURL('**/console/links?user=1')
      await settled()
      expect(await rows().first().locator('.owner').textContent()).toBe('1')
    })
  })

  describe('events', () => {
    test('are filtered, opened, and appear live', async () => {
      await seen.open('events')
      await settled()
      await page.getByLabel('Type').selectOption('updated')
      await page.waitForURL(/type=updated/)
      await page.waitForFunction(() => [...document.querySelectorAll('td.type')].every((cell) => cell.textContent === 'updated'))
      const { id } = await linkOf('page-61')
      await page.getByLabel('Link id').fill(String(id))
      await page.getByRole('heading', { name: 'No events match' }).waitFor()
      await page.getByRole('button', { name: 'Clear' }).click()
      await page.waitForURL(/events$/)
      await settled()
      await server.get('/page-61')
      const fresh = page.locator('tr.fresh')
      await fresh.filter({ hasText: String(id) }).waitFor()
      expect(await fresh.count()).toBe(1)
      await fresh
        .getByRole('button', { name: /as JSON/ })
        .first()
        .click()
      await page.locator('pre.json').getByText('"event_type": "click"').waitFor()
      await page.getByRole('button', { name: 'Live' }).click()
      await page.waitForURL(/live=0/)
      await page.getByRole('button', { name: 'Follow' }).click()
      await page.getByRole('button', { name: 'Older' }).first().click()
      await page.getByRole('button', { name: 'Follow' }).waitFor() // what is old does not move
    })
  })

  describe('hosts', () => {
    test('are blocked with a reason and with immediate effect, and are unblocked', async () => {
      await seen.open('blocklist')
      await page.getByRole('heading', { name: 'No blocked hosts' }).waitFor()
      const form = page.getByRole('region', { name: 'Block a host' })
      await form.getByRole('textbox', { name: 'Block a host' }).fill('nothing')
      await form.getByText('Enter a host name or IP address, such as evil.example.').waitFor()
      await form.getByRole('textbox', { name: 'Block a host' }).fill('https://shop.example.com/page/10')
      await form.getByText('12 links mention it').waitFor()
      await form.getByLabel('Reason').fill('phishing')
      await form.getByRole('button', { name: 'Block' }).click()
      await toast('Blocked shop.example.com. 12 links now return 410').waitFor()
      await row('phishing').waitFor()
      expect((await server.get('/page-10')).status).toBe(410)

      await page.getByRole('link', { name: 'Show links to shop.example.com' }).click()
      await settled()
      expect(await rows().count()).toBe(12)
      await row('page-110').getByText('blocked').waitFor()
      expect(await seen.violations()).toEqual([])
      await page.goBack()
      await page.getByRole('button', { name: 'Unblock shop.example.com' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Unblock' }).click()
      await page.getByRole('heading', { name: 'No blocked hosts' }).waitFor()
      expect((await server.get('/page-10')).status).toBe(302)
    })
  })

  describe('keys', () => {
    test('are shown once, work, and are revoked', async () => {
      await seen.open('keys')
      await page.keyboard.press('n')
      await page.getByRole('button', { name: 'Create key' }).click()
      await page.getByText('Enter a name.').waitFor()
      await page.getByLabel('New key for').fill('ci')
      await page.getByLabel('Scope', { exact: true }).selectOption('admin')
      await page.getByLabel('Bound to user').fill('1')
      await page.getByText('A bound key can have read or write only.').waitFor()
      await page.getByLabel('Scope', { exact: true }).selectOption('write')
      await page.getByLabel('Expires').selectOption('On a date…')
      await page.getByLabel('Expiry date').fill('2020-01-01')
      await page.getByText('Choose a date in the future.').waitFor()
      await page.getByLabel('Expires').selectOption('In 30 days')
      await page.getByRole('button', { name: 'Create key' }).click()
      const dialog = page.getByRole('dialog', { name: 'Key for ci' })
      const key = (await dialog.locator('.address code').textContent())!
      expect(key).toMatch(/^wp_/)
      expect(await seen.violations()).toEqual([])
      await dialog.getByRole('button', { name: 'Copy' }).click()
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key)
      await page.keyboard.press('Escape')
      await dialog.getByText('Save the key first').waitFor()
      await dialog.getByRole('button', { name: 'I’ve saved it' }).click()
      await row('ci').getByText('active').waitFor()
      expect(await page.content()).not.toContain(key)
      const mine = { authorization: `Bearer ${key}` }
      expect((await server.get('/urls', mine)).body.every((link: any) => link.user_id === 1)).toBe(true)

      await page.getByRole('button', { name: 'Revoke ci' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
      await row('ci').getByText('revoked').waitFor()
      expect((await server.get('/urls', mine)).status).toBe(401)
    })

    test('with the scope read are offered nothing that would be refused', async () => {
      const { key } = (await server.post('/api/keys', { name: 'reader', scope: 'read' })).body
      const reader = await visit(server.base, { token: key })
      try {
        reader.forgive(401)
        await reader.open('links?q=page-70')
        await reader.page.getByRole('link', { name: 'page-70' }).waitFor()
        expect(await reader.page.getByRole('region', { name: 'New link' }).count()).toBe(0)
        expect(await reader.page.getByRole('checkbox').count()).toBe(0)
        await reader.page.getByRole('button', { name: 'More actions for page-70' }).click()
        expect(await reader.page.getByRole('menuitem').allTextContents()).toEqual([' QR code'])
        expect(await reader.page.getByRole('button', { name: 'Import' }).count()).toBe(0)
        await reader.open('users')
        await reader.page.getByRole('link', { name: 'ada', exact: true }).waitFor()
        expect(await reader.page.getByRole('button', { name: 'Create' }).count()).toBe(0)
        expect(reader.complaints).toEqual([])
      } finally {
        await reader.close()
      }
    })
  })

  test('signing out everywhere ends this session too', async () => {
    await seen.open('keys')
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    seen.forgive(401)
  })
})

describe.skipIf(!hasBrowser)('a server that is open', () => {
  test('says so, and the first key signs its creator in', async () => {
    const server = await serveOn(kind)
    const seen = await visit(server.base)
    try {
      const { page } = seen
      await seen.open('keys')
      await page.getByText('The first key ends that for good').waitFor()
      await page.getByLabel('New key for').fill('operator')
      expect(await page.getByLabel('Scope', { exact: true }).inputValue()).toBe('admin')
      await page.getByRole('button', { name: 'Create key' }).click()
      await page.getByText('You are signed in with it.').waitFor()
      await Bun.sleep(2_500) // requests of the page in the meantime must not hide the key
      const key = await page.getByRole('dialog').locator('.address code').textContent()
      await page.getByRole('button', { name: 'I’ve saved it' }).click()
      await page.getByRole('row').filter({ hasText: 'operator' }).getByText('active').waitFor()
      expect((await server.get('/urls')).status).toBe(401)
      expect((await server.get('/urls', { authorization: `Bearer ${key}` })).status).toBe(200)
      await seen.open('links')
      await page.getByRole('heading', { name: 'No links yet' }).waitFor()
      seen.forgive(401) // requests in flight between the key and the session
      expect(seen.complaints).toEqual([])
    } finally {
      await seen.close()
      await server.stop()
    }
  })
})

/** The content of the file that `act` makes the browser take. */
/** The byte order mark, for Excel, as latin1 reads it. */
const MARK = '\xef\xbb\xbf'

async function taken(page: Page, act: () => Promise<void>): Promise<string> {
  const [file] = await Promise.all([page.waitForEvent('download') as Promise<Download>, act()])
  return readFileSync(await file.path(), 'latin1')
}
