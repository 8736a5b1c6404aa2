// Tags in the console, in Chromium against a real server: on links, on a page of their own, and on keys.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const TOKEN = 'the-operator-of-this-test'

describe.skipIf(!hasBrowser)('tags in the console', () => {
  let server: TestServer
  let seen: Visit
  let page: Page
  const row = (text: string) => page.locator('main .table > tbody > tr:not(.detail):not(.blank)').filter({ hasText: text })
  const chips = (within = page.locator('main')) => within.locator('.chip').allTextContents()
  const tagsOf = async (code: string) => (await server.get(`/urls?code=${code}`)).body[0]?.tags
  const create = (short_code: string, tags: string[]) =>
    server.post('/urls', { original_url: `https://example.com/${short_code}`, short_code, tags })

  beforeAll(async () => {
    server = await serveOn(databases.at(-1)!, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    await create('both', ['Campaign', 'mail'])
    await create('single', ['campaign'])
    await create('plain', [])
    await create('slash', ['a/b & c?'])
    seen = await visit(server.base, { token: TOKEN })
    page = seen.page
    seen.forgive(401) // before the sign-in
  })
  afterEach(() => expect(seen.complaints.splice(0)).toEqual([]))
  afterAll(async () => {
    await seen.close()
    await server.stop()
  })

  test('filter the list, one by a press, several by all, any or none', async () => {
    await seen.open('links')
    await row('both').getByRole('link', { name: 'mail' }).click()
    await page.waitForURL(/tag=mail/)
    await page.getByText('1 found').waitFor()
    await row('both').waitFor()
    const field = page.getByLabel('Filter by tags')
    await field.fill('CAMPAIGN')
    await page.keyboard.press('Enter')
    await page.waitForURL(/tag=mail%2CCAMPAIGN/)
    await page.getByRole('button', { name: 'Any', exact: true }).click()
    await row('single').waitFor()
    await page.getByRole('button', { name: 'None', exact: true }).click()
    await row('both').waitFor({ state: 'detached' })
    await row('plain').waitFor()
    await page.getByRole('button', { name: 'Remove the tag mail' }).click()
    await page.getByRole('button', { name: 'Remove the tag CAMPAIGN' }).click()
    await row('both').waitFor()
    expect(await page.getByRole('button', { name: 'None', exact: true }).count()).toBe(0)
  })

  test('are given to a new link: typed, suggested, taken off again', async () => {
    await seen.open('links')
    const form = page.getByRole('region', { name: 'New link' })
    await form.getByLabel('New link to').fill('example.com/new')
    await form.getByLabel('Code').fill('with-tags')
    const field = form.getByLabel('Tags')
    await field.fill('one, two,ONE,')
    expect(await chips(form)).toEqual(['one', 'two'].map((tag) => expect.stringContaining(tag)))
    await field.press('Backspace')
    expect(await chips(form)).toHaveLength(1)
    await field.fill('camp')
    await until('the known tag is suggested', async () => (await form.locator('datalist option').count()) === 1)
    expect(await form.locator('datalist option').getAttribute('value')).toBe('Campaign')
    await field.fill('Campaign')
    await form.getByRole('button', { name: 'Shorten' }).click() // what is in the field counts when it is left
    await row('with-tags').waitFor()
    expect(await tagsOf('with-tags')).toEqual(['one', 'Campaign'])
    await field.fill('a|b')
    await form.getByLabel('New link to').fill('example.com/bar')
    await form.getByRole('button', { name: 'Shorten' }).click()
    await form.getByText('A tag must not contain a comma or a vertical bar.').waitFor()
    expect(seen.forgive(400)).toBe(1)
    await form.getByRole('button', { name: 'Remove the tag a|b' }).click()
    await form.getByLabel('New link to').fill('')
  })

  test('are changed with a link, and shown on its page with what they were', async () => {
    const { id } = (await server.get('/urls?code=plain')).body[0]
    await seen.open(`links/${id}?edit=${id}`)
    await page.getByLabel('Tags').fill('fresh')
    await page.keyboard.press('Enter') // adds the tag
    await page.keyboard.press('Enter') // saves
    await page.getByRole('form', { name: 'Edit plain' }).waitFor({ state: 'detached' })
    expect(await tagsOf('plain')).toEqual(['fresh'])
    expect(await chips()).toEqual(['fresh'])
    await page.getByText('tags: none → fresh').waitFor()
  })

  test('have a page: renamed in place, merged after a question, deleted', async () => {
    await seen.open('tags')
    await row('Campaign').waitFor()
    expect(await row('Campaign').locator('td.links').textContent()).toBe('3')
    await page.getByLabel('Search tags').fill('MAIL')
    await row('Campaign').waitFor({ state: 'detached' })
    await row('mail').hover()
    await page.getByRole('button', { name: 'Rename mail' }).click()
    const form = page.getByRole('form', { name: 'Rename mail' })
    await form.getByLabel('New name').fill('post')
    await page.keyboard.press('Enter')
    await page.getByText('Renamed mail to post on 1 link').waitFor()
    expect(await tagsOf('both')).toEqual(['Campaign', 'post'])

    await seen.open('tags?edit=post')
    await page.getByLabel('New name').fill('campaign')
    await page.keyboard.press('Enter')
    const question = page.getByRole('dialog', { name: 'Merge post into Campaign?' })
    await question.getByRole('button', { name: 'Cancel' }).click()
    expect(await tagsOf('both')).toEqual(['Campaign', 'post'])
    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    await question.getByRole('button', { name: 'Merge' }).click()
    await row('post').waitFor({ state: 'detached' })
    expect(await tagsOf('both')).toEqual(['Campaign'])

    await row('fresh').hover()
    await page.getByRole('button', { name: 'Delete fresh' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await row('fresh').waitFor({ state: 'detached' })
    expect(await tagsOf('plain')).toEqual([])
    expect(await seen.violations()).toEqual([])
  })

  test('have statistics of all their links, whatever they are called', async () => {
    const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
    for (const code of ['both', 'single', 'slash']) await server.get(`/${code}`, { 'user-agent': agent })
    await server.settled('/api/tags')
    await seen.open('tags')
    await row('Campaign').getByRole('link', { name: 'Campaign' }).click()
    await page.getByRole('link', { name: 'Show 3 links' }).waitFor()
    expect(await page.locator('.link-sums dd').first().textContent()).toBe('2')
    await page.getByText('2 by people').waitFor()
    await page.getByRole('button', { name: '24 h' }).click()
    await page.waitForURL(/span=24h/)
    await seen.open(`tags/${encodeURIComponent('a/b & c?')}`)
    await page.getByRole('link', { name: 'Show 1 link' }).click()
    await row('slash').waitFor()
    await seen.open('tags/no-such-tag')
    await page.getByRole('heading', { name: 'No link has this tag' }).waitFor()
    seen.forgive(404)
  })

  test('bind a key, whose owner sees only links with the tag', async () => {
    await seen.open('keys')
    await page.getByLabel('New key for').fill('the team')
    await page.getByLabel('Scope', { exact: true }).selectOption('write')
    await page.getByLabel('Bound to tag').fill('Campaign')
    await page.getByRole('button', { name: 'Create key' }).click()
    const dialog = page.getByRole('dialog', { name: 'Key for the team' })
    await dialog.getByText('access to links tagged Campaign').waitFor()
    const key = (await dialog.locator('.address code').textContent())!
    await dialog.getByRole('button', { name: 'I’ve saved it' }).click()
    await row('the team').getByRole('link', { name: 'Campaign' }).waitFor()

    const theirs = await visit(server.base, { token: key })
    try {
      await theirs.open('links')
      await theirs.page.locator('.short-url').filter({ hasText: '/both' }).waitFor()
      expect(await theirs.page.getByText('slash').count()).toBe(0)
      expect(await theirs.page.getByLabel('Filter by user id').count()).toBe(0)
      await theirs.open('tags')
      await theirs.page.getByRole('link', { name: 'Campaign' }).waitFor()
      expect(await theirs.page.getByRole('button', { name: 'Rename Campaign' }).count()).toBe(0)
      await theirs.open('logs')
      await theirs.page.getByText('It covers only the links and events of its tag.').waitFor()
      theirs.forgive(401)
      expect(theirs.complaints).toEqual([])
    } finally {
      await theirs.close()
    }
  })

  test('are listed a page at a time, as other lists are', async () => {
    const many = (letter: string) => Array.from({ length: 30 }, (_, n) => `${letter}${String(n).padStart(2, '0')}`)
    await create('first-many', many('y'))
    await create('second-many', many('z'))
    await seen.open('tags?q=mail')
    await page.getByLabel('Search tags').fill('')
    const next = page.getByRole('button', { name: 'Next' }).first()
    await next.click()
    await page.waitForURL(/page=2/)
    await row('z29').waitFor()
    expect(await next.isDisabled()).toBe(true)
    await page.reload()
    await row('z29').waitFor()
    await page.getByRole('button', { name: 'First' }).first().click()
    await row('y00').waitFor()
    await page.waitForURL((url) => !url.search.includes('page='))
    await seen.open('tags?page=9')
    await page.getByRole('heading', { name: 'No tags match' }).waitFor()
    await page.getByRole('button', { name: 'Previous' }).click()
    await page.waitForURL(/page=8/)
    await page.getByRole('button', { name: 'Show all tags' }).click()
    await row('y00').waitFor()
  })
})
