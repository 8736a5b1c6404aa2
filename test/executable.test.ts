// The executable as an operator gets it: copied alone into an empty folder, and run there.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { executable } from '../deploy/cluster/executable.ts'
import { freePort } from './postgres.ts'
import { mailServer } from './receivers.ts'

/** Building, and the first boot of the embedded database, on a slow machine. */
const SLOW = 120_000

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'waypost-alone-')))
const waypost = join(folder, 'waypost')

beforeAll(async () => {
  copyFileSync(await executable(), waypost)
}, SLOW)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the folder holds nothing but the executable', () => {
  expect(readdirSync(folder)).toEqual(['waypost'])
})

describe('commands', () => {
  test('version names release, commit and date', async () => {
    const { code, stdout } = await run(['version'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^waypost \d+\.\d+\.\d+ \([0-9a-z]+, [^)]+\)\n$/)
  })

  test('--help lists the commands, and a command’s --help its settings', async () => {
    expect((await run(['--help'])).stdout).toContain('healthcheck')
    const { code, stdout } = await run(['serve', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('--data-dir')
  })

  test('an unknown flag is an error', async () => {
    const { code, stderr } = await run(['serve', '--prot', '1'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('--prot')
  })

  test('an unknown command is named', async () => {
    const { code, stderr } = await run(['serv'])
    expect(code).toBe(1)
    expect(stderr).toBe('waypost: there is no command serv (--help lists commands and options)\n')
  })

  test('a wrong value stops the start with one sentence', async () => {
    const { code, stderr } = await run(['--port', 'http'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^waypost: PORT must be [^\n]+\n$/)
  })

  test('config shows values and where they came from', async () => {
    const { stdout } = await run(['config', '--log-level', 'warn'], { DRAIN_WAIT: '3' })
    expect(stdout).toMatch(/^PORT +8080 +default$/m)
    expect(stdout).toMatch(/^LOG_LEVEL +warn +flag$/m)
    expect(stdout).toMatch(/^DRAIN_WAIT +3 +environment$/m)
  })

  test('.env and bunfig.toml of the folder are not read, --env-file is', async () => {
    writeFileSync(join(folder, '.env'), 'PORT=9999\n')
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./surprise.ts"]\n')
    writeFileSync(join(folder, 'surprise.ts'), 'console.log("surprise")\n')
    const { stdout } = await run(['config'])
    expect(stdout).toMatch(/^PORT +8080 +default$/m)
    expect(stdout).not.toContain('surprise')
    expect((await run(['config', '--env-file', '.env'])).stdout).toMatch(/^PORT +9999 /m)
    for (const file of ['.env', 'bunfig.toml', 'surprise.ts']) rmSync(join(folder, file))
  })
})

describe('the server', () => {
  let port: number
  let server: Awaited<ReturnType<typeof start>>
  let code: string
  let mail: Awaited<ReturnType<typeof mailServer>>

  beforeAll(async () => {
    port = await freePort()
    mail = await mailServer({ user: 'waypost', password: 'a-password' })
    server = await start(port, {
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(mail.port),
      SMTP_USER: 'waypost',
      SMTP_PASSWORD: 'a-password',
      ALERT_EMAIL_FROM: 'waypost@example.com',
      ALERT_EMAIL_TO: 'operator@example.com',
    })
  }, SLOW)
  afterAll(async () => {
    server?.child.kill('SIGKILL')
    await mail.stop()
  })

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers, redirect: 'manual' })

  test('is healthy, and ready with its embedded database', async () => {
    expect(await (await get('/health')).json()).toMatchObject({ status: 'ok' })
    expect(await (await get('/ready')).json()).toMatchObject({ status: 'ready', dependencies: { database: 'up' } })
    expect((await run(['healthcheck', '--port', String(port)])).code).toBe(0)
  })

  test('names what is compiled in, and searches its log for a pattern', async () => {
    const about = (await (await get('/api/about')).json()) as any
    expect(about).toMatchObject({ embedded: true, bun: Bun.version, commit: expect.not.stringMatching(/^dev$/) })
    expect(about.licences).toContainEqual({ name: 're2js', version: expect.any(String), licence: 'MIT' })
    const { logs } = (await (await get(`/logs?regex=${encodeURIComponent('"path":"/a\\w+/about"')}`)).json()) as any
    expect(logs.length).toBeGreaterThan(0)
  })

  test('makes a link, redirects and counts', async () => {
    const target = 'https://example.com/where?it=leads'
    const made = await fetch(`http://127.0.0.1:${port}/urls`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ original_url: target }),
    })
    expect(made.status).toBe(201)
    const link = (await made.json()) as { id: number; short_code: string; short_url: string }
    code = link.short_code
    expect(link.short_url).toBe(`http://127.0.0.1:${port}/${code}`)

    const redirect = await get(`/${code}`)
    expect(redirect.status).toBe(302)
    expect(redirect.headers.get('location')).toBe(target)
    let counted = await get(`/urls/${link.id}`)
    while (counted.headers.has('x-clicks-pending')) counted = await get(`/urls/${link.id}`)
    expect(await counted.json()).toMatchObject({ click_count: 1 })
  })

  test('sends e-mails about alerts, and the drill reports them', async () => {
    const { code, stdout, stderr } = await run(['drill', 'alerts', '--port', String(port)])
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/\bsent$/m), ''])
    expect(stdout).toMatch(/^service_down +delivered {2}email: sent$/m)
    expect(mail.mails.map(({ subject }) => subject)).toContainEqual(
      expect.stringMatching(/^Waypost \[TEST\] FIRING: service_down on /),
    )
  })

  const assets: [path: string, type: string][] = [
    ['/console', 'text/html'],
    ['/dashboard', 'text/html'],
    ['/console/links/1', 'text/html'],
    ['/console/console.js', 'text/javascript'],
    ['/console/console.css', 'text/css'],
    ['/console/favicon.svg', 'image/svg+xml'],
    ['/swagger', 'text/html'],
    ['/apidocs', 'text/html'],
    ['/swagger/docs.js', 'text/javascript'],
    ['/swagger/docs.css', 'text/css'],
    ['/swagger/swagger-ui-bundle.js', 'text/javascript'],
    ['/swagger/swagger-ui.css', 'text/css'],
    ['/favicon.ico', 'image/svg+xml'],
    ['/robots.txt', 'text/plain'],
    ['/opensearch.xml', 'application/opensearchdescription+xml'],
    ['/console/manifest.webmanifest', 'application/manifest+json'],
    ['/console/icon-192.png', 'image/png'],
    ['/openapi.json', 'application/json'],
    ['/swagger/json', 'application/json'],
  ]
  test.each(assets)('serves %s as %s, and 304 to who has it', async (path, type) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toStartWith(type)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await response.bytes()).length).toBeGreaterThan(100)
    const etag = response.headers.get('etag')!
    expect((await get(path, { 'If-None-Match': etag })).status).toBe(304)
  })

  test('pages allow no inline script or style, and name only files that are there', async () => {
    for (const path of ['/console', '/swagger']) {
      const page = await get(path)
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self'")
      expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
      const html = await page.text()
      expect(html).not.toMatch(/<style|style=|<script>|\son\w+=/)
      const files = [...html.matchAll(/(?:src|href)="(\/(?:console|swagger)\/[^"]+)"/g)].map(([, file]) => file!)
      expect(files.length).toBeGreaterThan(2)
      for (const file of files) expect((await get(file)).status).toBe(200)
    }
  })

  test('a file that is not there is 404, not the console’s page', async () => {
    expect((await get('/console/nothing.js')).status).toBe(404)
    expect((await get('/console/index.html')).status).toBe(404)
    expect((await get('/console/..%2f..%2fmain.js')).status).toBe(404)
  })

  test('/ leads to the console, /docs to the docs', async () => {
    expect((await get('/')).headers.get('location')).toBe('/console')
    expect((await get('/docs')).headers.get('location')).toBe('/swagger')
  })

  test('a browser at an unknown code gets a page, everybody else JSON', async () => {
    const page = await get('/no-such-code', { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' })
    expect(page.status).toBe(404)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const style = /<style>([\s\S]*?)<\/style>/.exec(await page.text())![1]!
    const hash = new Bun.CryptoHasher('sha256').update(style).digest('base64')
    expect(page.headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`)
    expect((await get('/no-such-code', { Accept: '*/*' })).headers.get('content-type')).toStartWith('application/json')
  })

  test('a port in use stops the start with one sentence', async () => {
    const { code, stderr } = await run(['--port', String(port), '--data-dir', 'other'])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(new RegExp(`^waypost: cannot open port ${port} [^\n]+\n$`))
    expect(existsSync(join(folder, 'other/pg18'))).toBe(false)
  })

  test('a second server on the same folder stops with one sentence', async () => {
    const { code, stderr } = await run(['--port', String(await freePort())])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^waypost: another waypost is using [^\n]+\n$/)
  })

  test(
    'SIGTERM drains and exits 0, and the next start has everything',
    async () => {
      server.child.kill('SIGTERM')
      expect(await server.child.exited).toBe(0)
      server = await start(port)
      expect((await get(`/${code}`)).status).toBe(302)
      const drill = await run(['drill', 'alerts', '--port', String(port)])
      expect([drill.code, drill.stderr]).toEqual([1, expect.stringContaining('notifications are not configured')])
      server.child.kill('SIGTERM')
      expect(await server.child.exited).toBe(0)
    },
    SLOW,
  )

  test('everything it keeps is in ./data', () => {
    expect(readdirSync(folder).sort()).toEqual(['data', 'waypost'])
  })
})

/** True where dist/waypost is younger than everything it is made of. */
/** Nothing of this process's environment: its settings are not the executable's. */
function spawn(args: string[], env: Record<string, string> = {}) {
  return Bun.spawn([waypost, ...args], { cwd: folder, env: { HOME: folder, ...env }, stdout: 'pipe', stderr: 'pipe' })
}

async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(args, env)
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exited])
  return { stdout, stderr, code }
}

const textOf = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text()

/** Starts the server and waits until it is ready; fails with what it printed. */
async function start(port: number, env: Record<string, string> = {}) {
  const child = spawn(['--port', String(port), '--drain-wait', '0'], env)
  const output = Promise.all([textOf(child.stdout), textOf(child.stderr)])
  while (child.exitCode === null) {
    const ready = await fetch(`http://127.0.0.1:${port}/ready`)
      .then((response) => response.json())
      .catch(() => undefined)
    if ((ready as { status?: string } | undefined)?.status === 'ready') return { child, output }
    await Bun.sleep(100)
  }
  throw new Error(`the server ended: ${(await output).join('\n')}`)
}
