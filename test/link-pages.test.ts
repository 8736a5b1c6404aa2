// The pages of links in a real browser: by keyboard, by screen reader, on a phone, and from there to the target on another site.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { atEnd } from './at-end.ts'
import { hasBrowser, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const PASSWORD = 'open sesame'
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

describe.skipIf(!hasBrowser)('in a browser', () => {
  let server: TestServer
  /** Another site: its page, and a target that redirects once more, to a third. */
  const other: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: 'localhost',
    fetch(request): Response {
      const { pathname, searchParams } = new URL(request.url)
      const to = searchParams.get('to')
      if (pathname === '/target') return Response.redirect(`http://127.0.0.1:${other.port}/arrived`)
      if (pathname === '/arrived') return html('<h1>Arrived</h1>')
      if (pathname === '/links') return html(`<a href="${to}">Follow</a>`)
      if (pathname === '/presses')
        return html(`<form method="post" action="${to}"></form><script>document.forms[0].submit()</script>`)
      return new Response(null, { status: 404 })
    },
  })
  const html = (body: string): Response => new Response(body, { headers: { 'content-type': 'text/html' } })
  const arrived = `http://127.0.0.1:${other.port}/arrived`
  atEnd(() => void other.stop(true))
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
  })
  afterAll(() => server.stop())

  async function make(body: Record<string, unknown>) {
    const { body: link } = await server.post('/urls', { original_url: `http://localhost:${other.port}/target`, ...body })
    const clicks = async () => (await server.settled(`/urls/${link.id}/stats`)).body.clicks as number
    return { path: `/${link.short_code}`, clicks }
  }

  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 320],
    ['dark', 320],
  ] as const)('in %s at %d pixels, each page is read out, and fits', async (theme, width) => {
    const seen = await visit(server.base, { agent: AGENT, theme, width, height: 640 })
    const password = await make({ password: PASSWORD })
    const confirm = await make({ confirm: true, original_url: 'https://a-very-long-name-of-a-host.of-somebody-else.example/' })
    const look = async (name: string, title: string) => {
      expect(await seen.page.getByRole('heading', { level: 1 }).textContent()).toBe(title)
      expect(await seen.violations()).toEqual([])
      expect(await seen.overflows()).toBe(false)
      if (process.env.PAGES) await seen.page.screenshot({ path: `${process.env.PAGES}/${name}-${theme}-${width}.png` })
    }
    try {
      await seen.page.goto(password.path)
      await look('password', 'This link needs a password')
      await seen.page.getByLabel('Password').fill('wrong')
      await seen.page.getByRole('button', { name: 'Continue' }).click()
      await seen.page.getByRole('heading', { name: 'Wrong password' }).waitFor()
      await look('wrong', 'Wrong password')
      await seen.page.goto(confirm.path)
      await look('confirm', 'Continue to a-very-long-name-of-a-host.of-somebody-else.example?')
      seen.forgive(403)
      expect(seen.complaints).toEqual([])
    } finally {
      await seen.close()
    }
  })

  test('a password is entered by keyboard, wrong and then right, and leads over all redirects of the target', async () => {
    const { path, clicks } = await make({ password: PASSWORD })
    const seen = await visit(server.base, { agent: AGENT })
    try {
      await seen.page.goto(`${path}?from=mail`)
      const field = seen.page.getByLabel('Password')
      expect(await field.evaluate((input) => document.activeElement === input)).toBe(true)
      await seen.page.keyboard.press('Enter') // the browser says that it is required
      await seen.page.keyboard.type('sesame')
      await seen.page.keyboard.press('Enter')
      await seen.page.getByRole('heading', { name: 'Wrong password' }).waitFor()
      expect(new URL(seen.page.url()).search).toBe('?from=mail')
      expect(await clicks()).toBe(0)
      await seen.page.keyboard.type(PASSWORD)
      await seen.page.keyboard.press('Enter')
      await seen.page.waitForURL(arrived)
      expect(await seen.page.context().cookies()).toEqual([])
      expect(seen.forgive(403)).toBe(1)
      expect(seen.complaints).toEqual([])
      expect(await clicks()).toBe(1)
    } finally {
      await seen.close()
    }
  })

  test('the button is reached by one press of Tab, and going back shows it again', async () => {
    const { path, clicks } = await make({ confirm: true })
    const seen = await visit(server.base, { agent: AGENT })
    try {
      await seen.page.goto(path)
      await seen.page.keyboard.press('Tab')
      await seen.page.keyboard.press('Enter')
      await seen.page.waitForURL(arrived)
      expect(await clicks()).toBe(1)
      await seen.page.goBack()
      await seen.page.getByRole('button', { name: 'Continue' }).waitFor()
      expect(await clicks()).toBe(1)
      expect(seen.complaints).toEqual([])
    } finally {
      await seen.close()
    }
  })

  test('a page of another site leads to the button, and cannot press it', async () => {
    const { path, clicks } = await make({ confirm: true })
    const seen = await visit(server.base, { agent: AGENT })
    try {
      for (const page of ['links', 'presses']) {
        await seen.page.goto(`http://localhost:${other.port}/${page}?to=${server.base}${path}`)
        if (page === 'links') await seen.page.getByRole('link').click()
        await seen.page.getByRole('button', { name: 'Continue' }).waitFor()
      }
      expect(await clicks()).toBe(0)
      await seen.page.getByRole('button').click()
      await seen.page.waitForURL(arrived)
      expect(await clicks()).toBe(1)
    } finally {
      await seen.close()
    }
  })

  test.each(['prefetch', 'prerender'])('what a %s got is dropped, and the visit is one click', async (kind) => {
    const { path, clicks } = await make({ max_clicks: 10 })
    const seen = await visit(server.base, { agent: AGENT })
    await seen.page.context().route('**/*', async (route) => {
      const { pathname } = new URL(route.request().url())
      if (pathname !== '/page') return route.continue()
      const rules = JSON.stringify({ [kind]: [{ source: 'list', urls: [path], eagerness: 'immediate' }] })
      return route.fulfill({
        contentType: 'text/html',
        body: `<script type="speculationrules">${rules}</script><a href="${path}">Follow</a>`,
      })
    })
    const shown = async () =>
      Number(/waypost_redirects_total\{result="page"\} (\d+)/.exec((await server.get('/metrics')).text)![1])
    try {
      const before = await shown()
      await seen.page.goto('/page')
      await until('the browser asked in advance', async () => (await shown()) > before)
      expect(await clicks()).toBe(0)
      await seen.page.getByRole('link').click()
      await seen.page.waitForURL(arrived)
      expect(await clicks()).toBe(1)
    } finally {
      await seen.close()
    }
  })
})
