// The search of the console: the best link first, pages of many, and another search where one finds nothing.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

describe.skipIf(!hasBrowser)('the search', () => {
  let server: TestServer
  let seen: Visit
  let page: Page

  beforeAll(async () => {
    server = await serveOn(anyDatabase, UNLIMITED)
    const made = { title: 'Offers of the spring', original_url: 'https://example.com/offers' }
    for (const link of [
      { short_code: 'spring', ...made, title: null },
      { short_code: 'titled', ...made },
      { short_code: 'spring-sale', ...made, title: null },
    ])
      expect((await server.post('/urls', link)).status).toBe(201)
    await server.database.run(
      (sql) => sql`
        insert into urls (short_code, original_url) select 'many-' || n, 'https://spring.example/' || n from generate_series(1, 120) n`,
    )
    seen = await visit(server.base)
    page = seen.page
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen?.close()
    await server?.stop()
  })

  const codes = () => page.locator('main .table > tbody > tr:not(.blank) .short-url .code').allTextContents()
  const shows = (first: string) =>
    page.waitForFunction((code) => document.querySelector('main .table > tbody .short-url .code')?.textContent === code, first)
  const query = () => Object.fromEntries(new URL(page.url()).searchParams)

  test('lists the best links first, and the rest by pages', async () => {
    await seen.open('links')
    await page.getByLabel('Search links').fill('Spring')
    await shows('spring')
    expect((await codes()).slice(0, 4)).toEqual(['spring', 'spring-sale', 'titled', 'many-120'])
    await page.waitForFunction(() => document.querySelector('.note')?.textContent === '123 found')
    await page.getByRole('button', { name: 'Next' }).first().click()
    await shows('many-73')
    expect(query()).toEqual({ q: 'Spring', page: '2' })
    await page.getByRole('button', { name: 'Next' }).first().click()
    await shows('many-23')
    expect(await page.getByRole('button', { name: 'Next' }).first().isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Previous' }).first().click()
    await shows('many-73')
    await page.getByRole('button', { name: 'First' }).first().click()
    await shows('spring')
    await page.getByRole('button', { name: 'Next' }).first().click()
    await shows('many-73')
    await page.getByLabel('Search links').fill('spring sale')
    await shows('spring-sale') // on the first page again
    expect([await codes(), query()]).toEqual([['spring-sale'], { q: 'spring sale' }])
    await page.getByLabel('Search links').fill('')
    await shows('many-120')
  })

  test('offers another search where one finds nothing', async () => {
    await seen.open('links?q=offesr+spring')
    await page.getByRole('heading', { name: 'No links match “offesr spring”' }).waitFor()
    await page.getByRole('button', { name: 'offers spring' }).click()
    await shows('titled')
    expect([query(), await codes()]).toEqual([{ q: 'offers spring' }, ['titled', 'spring-sale', 'spring']])
    await seen.open('links?q=nothing-like-it')
    await page.getByText('Check the spelling or clear the filters.').waitFor()
  })

  test('is in the palette', async () => {
    await seen.open('')
    await page.keyboard.press('Control+k')
    const box = page.getByRole('combobox')
    await box.fill('spring')
    const first = (word: string) =>
      page.waitForFunction((word) => document.querySelector('#found [aria-label=Links] .word')?.textContent === word, word)
    await first('spring')
    await box.fill('sprnig')
    await first('Did you mean “spring”?')
    await page.getByRole('option', { name: 'Did you mean “spring”?' }).click()
    await shows('spring')
    expect(query()).toEqual({ q: 'spring' })
  })
})
