// Debian's Chromium on the console of a real server, for tests of what people see and press.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { atEnd } from './at-end.ts'

const root = join(import.meta.dir, '..')
const executablePath = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  process.env.CHROMIUM ?? '',
].find((path) => existsSync(path))

const missing = !executablePath
  ? 'no /usr/bin/chromium, and CHROMIUM names none'
  : !existsSync(join(root, 'dist/assets/console/console.js'))
    ? 'the console is not built: bun run assets'
    : undefined

/** Whether browser tests can run here; says so where they cannot. */
export const hasBrowser = missing === undefined
if (missing) console.warn(`SKIPPED: everything in a browser (${missing})`)

const axe = () => readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

let browser: Promise<Browser> | undefined

/** One browser for a file. */
async function launch(env: Record<string, string> = {}): Promise<Browser> {
  const launched = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu'],
    env: { ...(process.env as Record<string, string>), ...env },
  })
  atEnd(() => void launched.close())
  return launched
}

export type Visit = Awaited<ReturnType<typeof visit>>

/**
 * A window of its own, with cookies of its own, on the server at `base`, signed in with `token` where there is one. `complaints` holds what
 * the browser complained of: errors in its console, breaches of the content policy, exceptions. `TZ` is that of a browser of its own. `agent`
 * is a user agent, as its own says that it is run by a program.
 */
export async function visit(
  base: string,
  {
    token = '',
    width = 1440,
    height = 900,
    theme = 'light' as 'light' | 'dark',
    zone = 'Europe/Berlin',
    TZ = '',
    agent = '',
  } = {},
) {
  const own = TZ ? launch({ TZ }) : undefined
  const context = await (await (own ?? (browser ??= launch()))).newContext({
    viewport: { width, height },
    colorScheme: theme,
    ...(TZ === '' && { timezoneId: zone }),
    ...(agent && { userAgent: agent }),
    locale: 'en-GB',
    permissions: ['clipboard-read', 'clipboard-write'],
    baseURL: base,
  })
  context.setDefaultTimeout(60_000)
  const complaints: string[] = []
  await context.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`content policy: ${violatedDirective} ${blockedURI}`),
    ),
  )
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)))

  const open = async (path: string) => {
    await page.goto(`/console/${path}`)
    await page.locator('main h1').waitFor()
  }
  if (token) {
    await open('about')
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  }
  return {
    page,
    complaints,
    open,
    close: async () => (own ? (await own).close() : context.close()),
    /** The browser logs every answer from 400 up: those that a test asked for are no complaint. */
    forgive(status: number) {
      const asked = complaints.filter((text) => text.includes(`status of ${status}`))
      complaints.splice(0, complaints.length, ...complaints.filter((text) => !asked.includes(text)))
      return asked.length
    },
    violations: () => violations(page),
    /** True where the page scrolls sideways. */
    overflows: () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
  }
}

/** What axe-core finds wrong with the page as it is, a line each. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe())
  return page.evaluate(async () => {
    const { violations } = await (window as any).axe.run(document, { resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }: any) =>
      nodes.map(({ target, failureSummary }: any) => `${id} ${target}: ${failureSummary}`),
    )
  })
}
