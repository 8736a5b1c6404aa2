// What every answer tells browsers, and that the pages work under their own policy in a real one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chromium } from 'playwright-core'
import { logStream } from '../src/telemetry/log-stream.ts'
import { createLogRing } from '../src/telemetry/logs.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const browser = Bun.which('chromium') ?? Bun.which('google-chrome')
if (!browser) console.warn('SKIPPED: the pages under their policy (Chromium is not installed)')

const HTML = { accept: 'text/html' }
let server: TestServer
let behindTls: TestServer

beforeAll(async () => {
  server = await serveOn(databases[0]!)
  behindTls = await serveOn(databases[0]!, {
    ADMIN_TOKEN: 'headers-operators-token',
    HSTS_MAX_AGE: '31536000',
    PUBLIC_URL: 'https://go.example.com',
  })
  for (const one of [server, behindTls])
    await one.post('/urls', { original_url: 'https://example.com/', short_code: 'known', title: '<script>alert(1)</script>' })
}, 60_000)
afterAll(() => Promise.all([server.stop(), behindTls.stop()]))

/** Every kind of answer there is. */
const ANSWERS: [name: string, path: string, headers?: Record<string, string>][] = [
  ['a list', '/urls'],
  ['a row', '/urls/1'],
  ['statistics', '/urls/known/stats'],
  ['metrics', '/metrics'],
  ['metrics as JSON', '/metrics', { accept: 'application/json' }],
  ['the log', '/logs'],
  ['health', '/health'],
  ['the OpenAPI document', '/openapi.json'],
  ['an unknown page', '/nothing/here'],
  ['an unknown code', '/nothing'],
  ['an unknown code, for a person', '/nothing', HTML],
  ['a wrong filter', '/urls?user_id=x'],
  ['a preview', '/known+'],
  ['a preview, for a person', '/known+', HTML],
  ['the console', '/console', HTML],
  ['a page inside the console', '/console/links', HTML],
  ['the API reference', '/swagger', HTML],
  ['a script', '/console/console.js'],
  ['a style', '/swagger/swagger-ui.css'],
  ['a missing asset', '/console/missing.js'],
  ['the icon', '/favicon.ico'],
  ['robots.txt', '/robots.txt'],
  ['the way to the console', '/'],
]

describe('every answer', () => {
  test.each(ANSWERS.map(([name, path, extra = {}]) => ({ name, path, extra })))('$name', async ({ path, extra }) => {
    const { headers } = await server.get(path, extra)
    const policy = headers.get('content-security-policy') ?? ''
    expect({
      type: headers.get('x-content-type-options'),
      referrer: headers.get('referrer-policy'),
      framed: /frame-ancestors 'none'/.test(policy),
      byDefault: /default-src 'none'/.test(policy),
      unsafe: /unsafe|\*|https?:/.test(policy),
      kept: /no-store|no-cache/.test(headers.get('cache-control') ?? ''),
      hsts: headers.get('strict-transport-security'),
    }).toEqual({
      type: 'nosniff',
      referrer: 'no-referrer',
      framed: true,
      byDefault: true,
      unsafe: false,
      kept: true,
      hsts: null,
    })
  })

  test('what changes with each reading, and every error, is kept nowhere', async () => {
    for (const path of ['/metrics', '/nothing', '/urls?user_id=x', '/known'])
      expect([path, (await server.get(path)).headers.get('cache-control')]).toEqual([path, expect.stringContaining('no-store')])
  })
})

describe('HSTS_MAX_AGE', () => {
  test.each(['/known', '/urls', '/nothing', '/console', '/health'])('is told at %s to who came by TLS', async (path) => {
    const told = async (extra?: Record<string, string>) =>
      (await behindTls.get(path, extra)).headers.get('strict-transport-security')
    expect(await told()).toBe('max-age=31536000') // so says PUBLIC_URL
    expect(await told({ 'x-forwarded-proto': 'https' })).toBe('max-age=31536000')
    expect(await told({ 'x-forwarded-proto': 'http' })).toBeNull()
  })
})

describe.skipIf(!browser)('in a browser', () => {
  test.each(['/console', '/swagger', '/known+', '/nothing'])(
    '%s breaks nothing of its own policy',
    async (path) => {
      const open = await chromium.launch({ executablePath: browser!, args: ['--no-sandbox'] })
      try {
        const page = await open.newPage()
        const trouble: string[] = []
        page.on('console', (message) => {
          if (/Content.Security.Policy|Refused to/i.test(message.text())) trouble.push(message.text())
        })
        page.on('pageerror', (error) => trouble.push(String(error)))
        await page.goto(server.base + path, { waitUntil: 'load' })
        const full = path === '/console' ? '#console *' : path === '/swagger' ? '#docs .opblock' : 'main h1'
        await page.waitForSelector(full, { timeout: 20_000 })
        const injected = await page.evaluate(() => {
          const script = document.createElement('script')
          script.textContent = 'globalThis.ran = true'
          document.body.append(script)
          return 'ran' in globalThis
        })
        expect(injected).toBe(false)
        expect(trouble.filter((text) => !/inline script/.test(text))).toEqual([]) // that one was ours
      } finally {
        await open.close()
      }
    },
    60_000,
  )
})

describe('followers of the log', () => {
  test('one that takes nothing is cut off', async () => {
    const ring = createLogRing()
    const reader = logStream(ring, {}).body!.getReader()
    for (let line = 0; line < 2_000; line++) ring.write(JSON.stringify({ level: 'info', time: '', message: `line ${line}` }))
    await Bun.sleep(22_000)
    const read = async () => {
      while (!(await reader.read()).done);
    }
    await expect(read()).rejects.toThrow('stuck')
  }, 30_000)

  test('are a hundred at most', async () => {
    const ring = createLogRing()
    const followers = Array.from({ length: 100 }, () => logStream(ring, {}))
    expect(() => logStream(ring, {})).toThrow('too many')
    await followers[0]!.body!.cancel()
    await Bun.sleep(50) // a stream hears of it a turn later
    await logStream(ring, {}).body!.cancel()
    for (const follower of followers.slice(1)) await follower.body!.cancel()
  })
})
