// The codes of a link on its page in the console: aliases and renaming, in Chromium against a real server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const TOKEN = 'the-operator-of-this-test'

describe.skipIf(!hasBrowser)('the codes of a link', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  let id: number
  const codes = () => page.getByRole('region', { name: 'Codes' })
  const listed = async () => (await codes().locator('li .code').allTextContents()).map((text) => text.trim())
  const stored = async () => {
    const { body } = await server.get(`/urls/${id}`)
    return [body.short_code, ...body.aliases]
  }

  beforeAll(async () => {
    server = await serveOn(databases.at(-1)!, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    id = (await server.post('/urls', { original_url: 'https://example.com/codes', short_code: 'at-first' })).body.id
    await server.post('/urls', { original_url: 'https://example.com/other', short_code: 'of-another' })
    seen = await visit(server.base, { token: TOKEN })
    page = seen.page
    seen.forgive(401) // before the sign-in
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen.close()
    await server.stop()
  })

  test('are added, renamed and removed; a mistake is undone', async () => {
    await seen.open(`links/${id}`)
    await codes().getByRole('button', { name: 'Add or rename' }).click()
    const field = codes().getByLabel('Another code')
    await field.fill('of-another')
    await page.keyboard.press('Enter')
    await codes().getByText('The code is already taken.').waitFor()
    await field.fill('a b')
    await page.keyboard.press('Enter')
    await codes().getByText('The code must be 3 to 64 of').waitFor()
    expect(seen.forgive(409) + seen.forgive(400)).toBe(2)
    await field.fill('an-alias')
    await page.keyboard.press('Enter')
    await codes().getByText('an-alias').waitFor()
    expect(await stored()).toEqual(['at-first', 'an-alias'])

    await codes().getByRole('button', { name: 'Add or rename' }).click()
    await field.fill('renamed')
    await codes().getByRole('button', { name: 'Rename the link' }).click()
    await page.locator('.trace').getByText('renamed').waitFor()
    expect(await listed()).toEqual(['renamed', 'an-alias', 'at-first'])

    await codes().getByRole('button', { name: 'Make at-first the code of the link' }).click()
    await page.locator('.trace').getByText('at-first').waitFor()
    expect(await stored()).toEqual(['at-first', 'an-alias', 'renamed'])

    await codes().getByRole('button', { name: 'Remove an-alias' }).click()
    await page.locator('.toast').filter({ hasText: 'Removed an-alias' }).waitFor()
    expect(await stored()).toEqual(['at-first', 'renamed'])
    await page.getByRole('button', { name: 'Undo' }).click()
    await until('it is back', async () => (await stored()).includes('an-alias'))
    await codes().getByRole('button', { name: 'Remove an-alias' }).waitFor()
    const trail = page.getByRole('region', { name: 'Audit trail' })
    await trail.getByText('alias removed').waitFor()
    await trail.getByText('code: renamed → at-first').waitFor()
  })

  test('are shown at each width, without a fault that axe finds', async () => {
    for (const width of [390, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      await seen.open(`links/${id}`)
      await codes().getByRole('button', { name: 'Add or rename' }).click()
      expect(await seen.violations()).toEqual([])
      expect(await seen.overflows()).toBe(false)
    }
  })

  test('of an imported link are shown and lead where they must, whatever their letters', async () => {
    const form = new FormData()
    form.append('file', new File(['short_code,original_url,aliases\nfür/dich.2024,https://example.com/wide,👍\n'], 'urls.csv'))
    expect((await server.post('/urls/bulk', form)).status).toBe(201)
    await seen.open('links?q=f%C3%BCr%2Fdich')
    await page.getByRole('link', { name: 'für/dich.2024' }).click()
    for (const [code, path] of [
      ['für/dich.2024', '/f%C3%BCr/dich.2024'],
      ['👍', '/%F0%9F%91%8D'],
    ] as const)
      expect(await codes().getByRole('link', { name: code }).getAttribute('href')).toBe(server.base + path)
    await seen.open('links/für%2Fdich.2024') // by its code
    await page.waitForURL(/links\/\d+$/)
  })
})
