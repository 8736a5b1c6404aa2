// What somebody typed in the console outlives the session, the page and the database: in Chromium, against a real server.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const TOKEN = 'the-operator-of-this-session'

describe.skipIf(!hasBrowser)('what was typed', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  let key: { id: number; key: string }

  const makeKey = async (more: object = {}) =>
    (await server.post('/api/keys', { name: 'a console', scope: 'admin', ...more })).body
  const ended = () => page.getByRole('heading', { name: 'Your session has ended' })
  const signIn = async (token = TOKEN, of = page) => {
    await of.getByLabel('Token', { exact: true }).fill(token)
    await of.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  const signInAgain = async (token?: string) => {
    await signIn(token)
    await ended().waitFor({ state: 'detached' })
  }

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, CHAOS_TOKEN: 'a-token-for-the-chaos', ...UNLIMITED })
    await server.post('/users', { username: 'ada', email: 'ada@example.com' })
    await server.post('/urls', { original_url: 'https://example.com/', short_code: 'taken', title: 'Taken' })
  })
  beforeEach(async () => {
    key = await makeKey()
    seen = await visit(server.base, { token: key.key })
    page = seen.page
  })
  afterEach(async () => {
    seen.forgive(401)
    expect(seen.complaints.splice(0)).toEqual([])
    await seen.close()
  })
  afterAll(() => server?.stop())

  const WAYS: Record<string, () => Promise<unknown>> = {
    'its key is revoked': () => server.call('DELETE', `/api/keys/${key.id}`),
    'everybody is signed out': () => server.call('DELETE', '/api/sessions'),
    'another window signs out': async () => {
      const other = await page.context().newPage()
      await other.goto('/console/about')
      await other.getByRole('button', { name: 'Sign out' }).click()
      await other.getByRole('heading', { name: 'Sign in' }).waitFor()
      await other.close()
    },
  }
  const FORMS: [path: string, form: string, field: string, text: string][] = [
    ['links', 'New link', '#new-target', 'https://example.com/half-typed'],
    ['links?edit=1', 'Edit link', '.edit-link input >> nth=1', 'half a title'],
    ['links/1?edit=1', 'Edit one link', '.edit-link input >> nth=1', 'half a title'],
    ['keys', 'New key', '.key-form input >> nth=0', 'half a name'],
    ['users', 'New user', '.user-form input >> nth=0', 'half-a-name'],
    ['users?edit=1', 'Edit user', '.detail input >> nth=0', 'half-a-name'],
    ['blocklist', 'Block a host', '.block-form input >> nth=1', 'half a reason'],
    ['chaos', 'Arm a fault', '.lasting input', '7'],
    ['logs', 'Filter the log', '.log-filters input >> nth=0', 'half-a-word'],
  ]
  const ways = Object.keys(WAYS)

  test.each(FORMS.map((form, place) => [ways[place % ways.length]!, ...form] as const))(
    'stays when %s: on %s, %s',
    async (way, path, _form, at, text) => {
      await seen.open(path)
      const field = page.locator(at)
      await field.fill(text)
      await WAYS[way]!()
      await ended().waitFor()
      expect(await field.inputValue()).toBe(text)
      await page.keyboard.press('Escape')
      expect(await ended().isVisible()).toBe(true)
      await signInAgain()
      expect(await field.inputValue()).toBe(text)
      await field.press('ArrowRight') // it can be typed in
    },
  )

  test('stays when the session expires, after a warning', async () => {
    const short = await makeKey({ expires_at: new Date(Date.now() + 12_000).toISOString() })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(short.key)
    await page.getByText(/^Your session ends in/).waitFor()
    await seen.open('links')
    await page.getByLabel('New link to').fill('https://example.com/after-hours')
    await ended().waitFor()
    await signInAgain()
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.getByRole('row').filter({ hasText: 'after-hours' }).waitFor()
  })

  test('stays when somebody signs in again before the end', async () => {
    const short = await makeKey({ expires_at: new Date(Date.now() + 240_000).toISOString() })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(short.key)
    await seen.open('links')
    await page.getByText(/^Your session ends in [1-3] min/).waitFor()
    await page.getByLabel('New link to').fill('https://example.com/in-time')
    await page.getByRole('button', { name: 'Sign in again' }).click()
    expect(await seen.violations()).toEqual([])
    await signIn()
    await page.getByText(/^Your session ends in/).waitFor({ state: 'detached' })
    expect(await page.getByLabel('New link to').inputValue()).toBe('https://example.com/in-time')
  })

  test('stays when another person signs in, who is refused what is not allowed', async () => {
    const reader = await makeKey({ name: 'a reader', scope: 'read' })
    await seen.open('links')
    const target = page.getByLabel('New link to')
    await target.fill('https://example.com/not-yours')
    await WAYS['its key is revoked']!()
    await ended().waitFor()
    expect(await seen.violations()).toEqual([])
    await signInAgain(reader.key)
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.getByText('This needs the scope write; yours is read.').waitFor()
    expect(seen.forgive(403)).toBe(1)
    expect(await target.inputValue()).toBe('https://example.com/not-yours')
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Events' }).click()
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Links' }).click()
    await page.getByRole('row').filter({ hasText: '/taken' }).waitFor()
    expect(await target.count()).toBe(0) // a page that is shown again offers what its reader may
  })

  test.each(FORMS.filter(([path]) => path !== 'logs'))(
    'stays when the page is left and come back to, and over a reload: %s, %s',
    async (path, _form, at, text) => {
      await seen.open(path)
      const field = page.locator(at)
      await field.fill(text)
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'About' }).click()
      await page.getByRole('heading', { name: 'About' }).waitFor()
      await page.goBack()
      expect(await field.inputValue()).toBe(text)
      await page.reload()
      expect(await field.inputValue()).toBe(text)
    },
  )

  test('stays when the server refuses it, and when the database is unreachable', async () => {
    await seen.open('links')
    const [target, code] = [page.getByLabel('New link to'), page.locator('#new-code')]
    await target.fill('https://example.com/again')
    await code.fill('taken')
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.getByText('This code is already taken.').waitFor()
    seen.forgive(409)
    expect([await target.inputValue(), await code.inputValue()]).toEqual(['https://example.com/again', 'taken'])
    await code.fill('not-taken')
    server.database.pretendUnreachable(1)
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.locator('.new-link .failure').waitFor()
    expect([await target.inputValue(), await code.inputValue()]).toEqual(['https://example.com/again', 'not-taken'])
    await page.locator('.banner').waitFor()
    server.database.pretendUnreachable(0)
    seen.forgive(503)
    while ((await server.get('/urls?per_page=1')).status !== 200) await Bun.sleep(50)
    await page.getByRole('button', { name: 'Shorten' }).click()
    await page.getByRole('row').filter({ hasText: 'not-taken' }).waitFor()
    seen.forgive(503)
  })

  test('needs a confirmation before signing out, and is gone after it', async () => {
    await seen.open('links')
    await page.getByLabel('New link to').fill('https://example.com/private')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    expect(await page.getByLabel('New link to').inputValue()).toBe('https://example.com/private')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain('private')
    await signIn()
    await page.getByRole('row').filter({ hasText: '/taken' }).waitFor()
    expect(await page.getByLabel('New link to').inputValue()).toBe('')
  })

  test('needs a confirmation before the window closes', async () => {
    await seen.open('links')
    await page.getByLabel('New link to').pressSequentially('https://example.com/')
    const asked = page.waitForEvent('dialog')
    await page.close({ runBeforeUnload: true })
    const dialog = await asked
    expect(dialog.type()).toBe('beforeunload')
    await dialog.dismiss()
    expect(await page.getByLabel('New link to').inputValue()).toBe('https://example.com/')
  })
})
