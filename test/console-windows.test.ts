// Many windows of one browser on one server over plain HTTP/1.1, where a browser has six connections: each stays live, and can ask for more.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { BrowserContext, Page } from 'playwright-core'
import { hasBrowser, type Visit, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const TOKEN = 'the-operator-of-these-windows'

describe.skipIf(!hasBrowser)('windows of one browser', () => {
  let server: TestServer
  let seen: Visit
  let context: BrowserContext
  const windows: Page[] = []
  let written = 0

  const write = (message: string) =>
    server.ring.write(JSON.stringify({ level: 'info', time: new Date().toISOString(), number: written++, message }))
  const open = async (path: string) => {
    const page = await context.newPage()
    windows.push(page)
    await page.goto(`/console/${path}`)
    return page
  }
  const isLive = (page: Page) => page.locator('main .state').filter({ hasText: /live$/ }).first().waitFor()
  const line = (page: Page, text: string) => page.getByRole('option').filter({ hasText: text })
  const closeAll = async () => {
    for (const page of windows.splice(0)) await page.close()
  }

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
    seen = await visit(server.base, { token: TOKEN })
    context = seen.page.context()
  })
  afterAll(async () => {
    await seen?.close()
    await server?.stop()
  })

  test('ten of them are live, each with its own view, and respond to input', async () => {
    for (let n = 0; n < 9; n++) await open(`logs?filter=window-${n}`)
    const overview = await open('')
    for (const page of windows) await isLive(page)
    for (let n = 0; n < 9; n++) write(`said to window-${n}`)
    for (let n = 0; n < 9; n++) await line(windows[n]!, `said to window-${n}`).waitFor()
    expect(await line(windows[0]!, 'window-1').count()).toBe(0)
    await overview.locator('main canvas').first().waitFor()
    const answers = await Promise.all(windows.map((page) => page.evaluate(async () => (await fetch('/urls?per_page=1')).status)))
    expect(answers).toEqual(windows.map(() => 200))
    expect(server.streams.size()).toBe(1)

    // The one that was there first may go: the others do not depend on it.
    await windows.shift()!.close()
    write('said to window-1 again')
    await line(windows[0]!, 'again').waitFor()
    await closeAll()
  })

  test('a window that was hidden gets what it missed, also while another follows the same stream', async () => {
    const [one, other] = [await open('logs?filter=both'), await open('logs?filter=both')]
    await isLive(one)
    await isLive(other)
    write('both: first')
    await line(one, 'both: first').waitFor()
    const show = (state: string) =>
      one.evaluate((state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, state)
    await show('hidden')
    write('both: second')
    await line(other, 'both: second').waitFor()
    await show('visible')
    await line(one, 'both: second').waitFor()
    expect(await line(one, 'both').count()).toBe(2)
    await closeAll()
  })

  test('a view that the server refuses leaves the others alone', async () => {
    const [good, bad] = [await open('logs?filter=good'), await open('logs?regex=(')]
    await isLive(good)
    await bad.locator('.state').filter({ hasText: 'invalid filter' }).waitFor()
    write('good one')
    await line(good, 'good one').waitFor()
    await closeAll()
  })

  test('without a shared worker each window has one connection', async () => {
    await context.addInitScript(() => {
      if (location.hash === '#alone') (globalThis as any).SharedWorker = undefined
    })
    const pages = [await open('logs?filter=alone#alone'), await open('logs?filter=alone#alone')]
    for (const page of pages) await isLive(page)
    write('alone, yet live')
    for (const page of pages) await line(page, 'alone, yet live').waitFor()
    await closeAll()
  })
})
