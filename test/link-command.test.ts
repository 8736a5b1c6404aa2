// `waypost link` against a real server: over http, over https, below a path of a proxy, on a terminal and in a pipe.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import jsQR from 'jsqr'
import { PNG } from 'pngjs'
import { runCommand } from './child.ts'
import { anyDatabase } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { onTerminal } from './terminal.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const MANY = 1_050
const main = join(import.meta.dir, '../src/main.ts')
const folder = temporaryFolder()
const at = (name: string) => join(folder, name)

let server: TestServer
let env: Record<string, string>
beforeAll(async () => {
  server = await serveOn(anyDatabase, { ADMIN_TOKEN, ...UNLIMITED })
  const { key } = (await server.post('/api/keys', { name: 'laptop', scope: 'write' })).body
  env = { WAYPOST_URL: server.base, WAYPOST_KEY: key, PATH: folder }
  await server.post('/urls', { original_url: 'https://example.com/known', short_code: 'known', title: 'A known link' })
})
afterAll(() => server.stop())

const link = (args: string[], more: Record<string, string> = {}) => runCommand(['link', ...args], { ...env, ...more })
const terminal = (args: string[]) => onTerminal([process.execPath, '--no-env-file', main, 'link', ...args], env).ended()

async function jsonOf(args: string[], more: Record<string, string> = {}): Promise<any> {
  const { code, out, err } = await link(args, more)
  expect([args, code, err]).toEqual([args, 0, ''])
  return JSON.parse(out)
}

describe('a link', () => {
  test('is created, found, changed and deleted', async () => {
    const added = await jsonOf(['add', 'https://example.com/a', '--code', 'story', '--title', 'Once', '--set', 'is_active=false'])
    expect(added).toMatchObject({ short_code: 'story', title: 'Once', is_active: false })
    expect(added).toEqual((await server.get(`/urls/${added.id}`)).body)
    expect(await jsonOf(['get', 'story'])).toEqual(added)
    const changed = await jsonOf(['set', 'story', '--target', 'https://example.com/b', '--is-active', 'true', '--title', ''])
    expect(changed).toMatchObject({ original_url: 'https://example.com/b', is_active: true, title: null })
    expect(await jsonOf(['rm', 'story', '--reason', 'the end'])).toEqual([changed])
    expect((await server.get(`/urls/${added.id}`)).status).toBe(404)
    const { body } = await server.get(`/urls/${added.id}/events?order=desc&per_page=1`)
    expect(body).toMatchObject([{ event_type: 'deleted', details: { reason: 'the end' } }])
  })

  test('is found by its id, its code and its short URL, and by nothing else', async () => {
    const { id } = await jsonOf(['get', 'known'])
    const host = server.base.slice('http://'.length)
    for (const text of [String(id), `${server.base}/known`, `https://${host}/known+`, `${host}/known/`, `${host}/known?qr#x`])
      expect([text, (await jsonOf(['get', text])).id]).toEqual([text, id])
    const form = new FormData()
    form.append('file', new File(['short_code,original_url\nbrand/für.2024,https://example.com/wide\n'], 'urls.csv'))
    expect((await server.post('/urls/bulk', form)).status).toBe(201)
    for (const text of [
      'brand/für.2024',
      `${server.base}/brand/f%C3%BCr.2024`,
      `${host}/brand/für.2024/`,
      `${host}/brand/für.2024+`,
    ])
      expect([text, (await jsonOf(['get', text])).short_code]).toEqual([text, 'brand/für.2024'])
    for (const text of [
      `${host}/other/brand/für.2024`,
      '999999',
      'unknown',
      'https://elsewhere.example/known',
      `${host}/urls/known`,
      `${host}/%ff`,
      'https://',
      '/',
    ])
      expect([text, await link(['get', text])]).toEqual([
        text,
        { code: 1, out: '', err: `waypost: there is no link ${text} on ${server.base}\n` },
      ])
  })

  test('is renamed, and found by its old code', async () => {
    const { id } = await jsonOf(['add', 'https://example.com/', '--code', 'old-name'])
    expect(await jsonOf(['set', 'old-name', '--code', 'new-name'])).toMatchObject({
      id,
      short_code: 'new-name',
      aliases: ['old-name'],
    })
    for (const text of ['old-name', 'new-name', `${server.base}/old-name`]) expect((await jsonOf(['get', text])).id).toBe(id)
  })

  test('is deleted only if every one that is named exists', async () => {
    await jsonOf(['add', 'https://example.com/', '--code', 'stays'])
    expect(await link(['rm', 'stays', 'goes'])).toMatchObject({ code: 1, out: '' })
    expect((await jsonOf(['get', 'stays'])).short_code).toBe('stays')
  })

  test('is purged', async () => {
    const { id } = await jsonOf(['add', 'https://example.com/', '--code', 'purged'])
    await jsonOf(['rm', 'purged', '--purge'])
    expect((await server.get(`/urls/${id}/stats`)).status).toBe(404)
  })
})

test.each<[args: string[], code: number, says: RegExp]>([
  [['add', 'nonsense'], 1, /^waypost: original_url must be an http or https URL with a host\n$/],
  [['add', 'https://example.com', '--code', 'known'], 1, /^waypost: this short_code is already taken\n$/],
  [['add', 'https://example.com', '--code', 'a b', '--user-id', '0'], 1, /^waypost: user_id must [^;]+; short_code has [^;]+\n$/],
  [['add', 'https://example.com', '--is-active', 'maybe'], 2, /^waypost: --is-active must be true or false \(it is "maybe"\)\n$/],
  [['add', 'https://example.com', '--user-id', 'ada'], 2, /^waypost: --user-id must be a number \(it is "ada"\)\n$/],
  [['add'], 2, /^error: missing required argument 'target'\n/],
  [['add', 'https://example.com', '--titel', 'x'], 2, /^error: unknown option '--titel'\n/],
  [['set', 'known'], 2, /^waypost: give at least one field to change/],
  [['set', 'known', '--set', 'titel=x'], 2, /^waypost: there is no field titel: the fields are original_url, title, /],
  [['set', 'known', '--set', 'title'], 2, /^waypost: --set must be field=value \(it is "title"\)\n$/],
  [['list', '--limit', '0'], 2, /^waypost: --limit must be a whole number from 1 up\n$/],
  [['list', '--user-id', 'ada'], 1, /^waypost: user_id must be a whole number\n$/],
  [['qr', 'known', 'code.gif'], 2, /^waypost: the file code\.gif must end with \.svg or \.png\n$/],
  [['qr', 'known', '/nowhere/code.png'], 1, /^waypost: \/nowhere\/code\.png cannot be written: it does not exist, ENOENT\n$/],
  [['qr', 'known', '--size', '10'], 1, /^waypost: size must be a whole number from 64 to 2048\n$/],
  [
    ['list', '--waypost-url', 'go.example.com'],
    2,
    /^waypost: WAYPOST_URL must be an http or https URL \(it is "go\.example\.com"\)\n$/,
  ],
])('%j is exit %d and a sentence', async (args, code, says) => {
  expect(await link(args)).toEqual({ code, out: '', err: expect.stringMatching(says) })
})

describe('the server', () => {
  test.each<[name: string, settings: Record<string, string>, code: number, says: RegExp]>([
    [
      'a wrong key',
      { WAYPOST_KEY: 'wrong' },
      1,
      /^waypost: invalid or expired token or key \(set WAYPOST_KEY to a key of http:\S+\)\n$/,
    ],
    ['no server', { WAYPOST_URL: 'http://127.0.0.1:9' }, 3, /^waypost: no answer from http:\/\/127\.0\.0\.1:9: /],
    ['no such address', { WAYPOST_URL: 'http://waypost.invalid' }, 3, /^waypost: no answer from http:\/\/waypost\.invalid: /],
  ])('%s', async (_, settings, code, says) => {
    expect(await link(['get', 'known'], settings)).toEqual({ code, out: '', err: expect.stringMatching(says) })
  })

  test('is the one on this machine, with ADMIN_TOKEN, if WAYPOST_URL is not set', async () => {
    const { code, out } = await runCommand(['link', 'get', 'known'], { PORT: String(server.config.PORT), ADMIN_TOKEN })
    expect([code, JSON.parse(out).short_code]).toEqual([0, 'known'])
  })

  test('gets ADMIN_TOKEN only if it is the one on this machine', async () => {
    const seen: (string | null)[] = []
    await using other = Bun.serve({
      port: 0,
      fetch: ({ headers }) => {
        seen.push(headers.get('authorization'))
        return Response.json([])
      },
    })
    await runCommand(['link', 'list'], { WAYPOST_URL: other.url.href, ADMIN_TOKEN })
    expect(seen).toEqual([null])
  })

  test('gets the key from a file, and from --env-file', async () => {
    writeFileSync(at('key'), `${env.WAYPOST_KEY}\n`)
    writeFileSync(at('settings'), `WAYPOST_URL=${server.base}\nWAYPOST_KEY=${env.WAYPOST_KEY}\n`)
    const byFile = await runCommand(['link', 'get', 'known'], { WAYPOST_URL: server.base, WAYPOST_KEY_FILE: at('key') })
    const byEnvFile = await runCommand(['link', 'get', 'known', '--env-file', at('settings')])
    const byFlag = await runCommand(['link', 'get', 'known', '--waypost-url', server.base, '--waypost-key', env.WAYPOST_KEY!])
    expect([byFile, byEnvFile, byFlag].map(({ code, err }) => [code, err])).toEqual(Array(3).fill([0, '']))
  })

  test('on this machine is never reached through a proxy', async () => {
    const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
    const proxied = Object.fromEntries(PROXIES.map((name) => [name, 'http://127.0.0.1:9']))
    expect((await jsonOf(['get', 'known'], proxied)).short_code).toBe('known')
  })

  test('may be below a path of a proxy, over TLS; the key follows no redirect', async () => {
    const openssl = Bun.which('openssl')
    if (!openssl) return console.warn('SKIPPED: waypost link over TLS (openssl is not installed)')
    const files = ['-keyout', at('tls.key'), '-out', at('tls.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    Bun.spawnSync([openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files])
    let inner: TestServer
    await using proxy: Bun.Server<undefined> = Bun.serve({
      port: 0,
      tls: { key: readFileSync(at('tls.key')), cert: readFileSync(at('tls.pem')) },
      fetch(request): Promise<Response> | Response {
        const { pathname, search } = new URL(request.url)
        if (!pathname.startsWith('/go/')) return Response.redirect(`https://localhost:${proxy.port}/go${pathname}`)
        const { method, body } = request
        const headers = { ...Object.fromEntries(request.headers), 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.1' }
        return fetch(`${inner.base}${pathname.slice('/go'.length)}${search}`, { method, headers, body, redirect: 'manual' })
      },
    })
    const base = `https://localhost:${proxy.port}/go`
    inner = await serveOn(anyDatabase, { ADMIN_TOKEN, TRUSTED_PROXIES: '1', PUBLIC_URL: base })
    const secure = { WAYPOST_URL: `${base}/`, WAYPOST_KEY: ADMIN_TOKEN, NODE_EXTRA_CA_CERTS: at('tls.pem') }
    const added = await jsonOf(['add', 'https://example.com/tls', '--code', 'secure'], secure)
    expect(added.short_url).toBe(`${base}/secure`)
    for (const text of [`${base}/secure`, `localhost:${proxy.port}/go/secure`, 'secure'])
      expect((await jsonOf(['get', text], secure)).id).toBe(added.id)
    expect((await link(['get', `https://localhost:${proxy.port}/secure`], secure)).code).toBe(1)
    const elsewhere = await link(['get', 'secure'], { ...secure, WAYPOST_URL: `https://localhost:${proxy.port}` })
    expect(elsewhere.err).toMatch(/redirects to https:\/\/localhost:\d+\/go\/urls.*: set WAYPOST_URL to/)
    const untrusted = await link(['get', 'secure'], { ...secure, NODE_EXTRA_CA_CERTS: '' })
    expect([untrusted.code, untrusted.err]).toEqual([3, expect.stringContaining('no answer from https://localhost')])
    await inner.stop()
  })
})

describe('a list', () => {
  beforeAll(async () => {
    const rows = Array.from({ length: MANY }, (_, i) => `https://example.com/many/${i},many-${i}`)
    const { status } = await server.post('/urls/bulk', csv(`original_url,short_code\n${rows.join('\n')}\n`))
    expect(status).toBe(201)
  })

  test('has 20 links, or as many as --limit says, or all', async () => {
    expect(await jsonOf(['list', '--search', 'many'])).toHaveLength(20)
    const codes = (await jsonOf(['list', '--search', 'many', '--limit', '250'])).map(({ short_code }: any) => short_code)
    expect(codes).toEqual(Array.from({ length: 250 }, (_, i) => `many-${i}`))
    expect(await jsonOf(['list', '--search', 'many', '--all'])).toHaveLength(MANY)
    expect(await jsonOf(['list', '--search', 'nothing like this'])).toEqual([])
  })

  test('takes the filters of the API', async () => {
    expect(await jsonOf(['list', '--code', 'known'])).toMatchObject([{ short_code: 'known' }])
    expect(await jsonOf(['list', '--search', 'many', '--is-active', 'false'])).toEqual([])
    expect(await jsonOf(['list', '--search', 'many', '--order', 'desc', '--limit', '1'])).toMatchObject([
      { short_code: `many-${MANY - 1}` },
    ])
  })

  test('is requested no faster than it is read, and ends when its reader leaves', async () => {
    let pages = 0
    await using counting = Bun.serve({
      port: 0,
      fetch({ url, headers }) {
        pages++
        return fetch(url.replace(/^http:\/\/[^/]+/, server.base), { headers })
      },
    })
    const start = () =>
      Bun.spawn([process.execPath, '--no-env-file', main, 'link', 'list', '--all'], {
        env: { ...env, WAYPOST_URL: counting.url.href },
        stdout: 'pipe',
        stderr: 'pipe',
      })
    const child = start()
    const reader = child.stdout.getReader()
    const HELD = 8 // pages of 25 kB in the pipe, and in the buffers of both ends
    let rows = 0
    for (let chunk = await reader.read(); chunk.value; chunk = await reader.read()) {
      rows += chunk.value.filter((byte) => byte === 10).length
      expect(pages).toBeLessThan(rows / 100 + HELD)
    }
    expect([await child.exited, pages]).toEqual([0, Math.ceil((MANY + 1) / 100)])

    const leaving = start()
    const leaver = leaving.stdout.getReader()
    await leaver.read()
    await leaver.cancel()
    expect([await leaving.exited, await new Response(leaving.stderr).text()]).toEqual([0, ''])
  })

  test('continues when the server’s rate limit allows it', async () => {
    const limited = await serveOn(anyDatabase, { ADMIN_TOKEN, RATE_READ: '3/s' })
    const rows = Array.from({ length: 450 }, (_, i) => `https://example.com/${i}`)
    await limited.post('/urls/bulk', csv(`original_url\n${rows.join('\n')}\n`))
    expect(await jsonOf(['list', '--all'], { WAYPOST_URL: limited.base, WAYPOST_KEY: ADMIN_TOKEN })).toHaveLength(450)
    await limited.stop()
  })
})

describe('on a terminal', () => {
  test('a list is a table, and says how many links there are', async () => {
    const title = '日本語の題名\u202e'
    await jsonOf(['add', `https://example.com/table/${'x'.repeat(200)}`, '--code', 'in-table', '--title', title])
    const { code, screen } = await terminal(['list', '--search', 'table', '--limit', '1'])
    const [head = '', row = ''] = screen.split('\n')
    expect(code).toBe(0)
    expect(head).toMatch(/^ *ID {2}CODE +CLICKS {2}STATE {3}TITLE +TARGET$/)
    expect(row).toMatch(/^ *\d+ {2}in-table +0 {2}active {2}日本語の題名⟨U\+202E⟩ {2}https:\/\/example\.com\/table\/x+…$/)
    expect([Bun.stringWidth(row), Bun.stringWidth(row.slice(0, row.indexOf('https')))]).toEqual([100, head.indexOf('TARGET')])
    expect((await terminal(['list', '--limit', '5'])).screen).toMatch(/^5 of [\d,]+ links\. --limit or --all shows more\.$/m)
  })

  test('a link is a list of its fields, and JSON with --json', async () => {
    const { screen } = await terminal(['get', 'known'])
    expect(screen.replace(/ +/g, ' ')).toStartWith(`short_url ${server.base}/known\n`)
    expect(screen).toMatch(/^title +A known link$/m)
    expect(JSON.parse((await terminal(['get', 'known', '--json'])).screen).short_code).toBe('known')
    await jsonOf(['add', 'https://example.com/', '--code', 'said'])
    expect((await terminal(['rm', 'said'])).screen).toBe('deleted said\n')
  })

  test('a QR code in capitals is drawn only if the server finds the link so', async () => {
    expect((await terminal(['qr', 'known', '--capitals', '1'])).screen).toContain('capitals cannot be used for this link')
  })

  test('a QR code is drawn, and scans', async () => {
    const { screen } = await terminal(['qr', 'known', '--margin', '2'])
    const lines = screen
      .trim()
      .split('\n')
      .map((line) => [...Bun.stripANSI(line)])
    const width = lines[0]!.length
    const size = width * 4
    const pixels = new Uint8ClampedArray(size * size * 4).fill(255)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const [row, column] = [y >> 2, x >> 2]
        const cell = lines[row >> 1]![column]!
        if ('█'.includes(cell) || cell === (row & 1 ? '▄' : '▀')) pixels.fill(0, (y * size + x) * 4, (y * size + x) * 4 + 3)
      }
    expect(jsQR(pixels, size, size)?.data).toBe(`${server.base}/known`)
  })
})

describe('a QR code', () => {
  test('is written to a file, in the format of its ending', async () => {
    expect(await link(['qr', 'known', at('code.png'), '--size', '200', '--ecc', 'H'])).toEqual({ code: 0, out: '', err: '' })
    const { data, width } = PNG.sync.read(readFileSync(at('code.png')))
    expect([width, jsQR(new Uint8ClampedArray(data), width, width)?.data]).toEqual([200, `${server.base}/known`])
    await link(['qr', 'known', at('code.SVG'), '--dark', '0a6a8f'])
    expect(readFileSync(at('code.SVG'), 'utf8')).toContain('<path fill="#0a6a8f"')
  })

  test('in capitals is refused for a link that is not found so', async () => {
    for (const args of [
      ['qr', 'known', '--capitals', '1'],
      ['qr', 'known', at('loud.png'), '--capitals', 'true'],
    ])
      expect(await link(args)).toMatchObject({ code: 1, err: expect.stringContaining('capitals cannot be used for this link') })
    await jsonOf(['add', 'https://example.com/', '--code', 'LOUD'])
    expect(await link(['qr', 'LOUD', at('loud.png'), '--capitals', '1'])).toMatchObject({ code: 0, err: '' })
    const { data, width } = PNG.sync.read(readFileSync(at('loud.png')))
    expect(jsQR(new Uint8ClampedArray(data), width, width)?.data).toBe(`${server.base}/LOUD`.toUpperCase())
  })

  test('is SVG in a pipe', async () => {
    const { id } = await jsonOf(['get', 'known'])
    expect((await link(['qr', 'known', '--track', '1'])).out).toBe((await server.get(`/urls/${id}/qr.svg?track=1`)).text)
  })
})

describe('open', () => {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'

  test('prints the target on a machine without a browser', async () => {
    expect(await link(['open', 'known'])).toEqual({ code: 0, out: 'https://example.com/known\n', err: '' })
  })

  test('hands the target to the program that opens browsers, and prints it if that fails', async () => {
    writeFileSync(at(opener), `#!/bin/sh\n[ -e '${at('broken')}' ] && exit 3\necho "$@" >'${at('opened')}'\n`)
    chmodSync(at(opener), 0o755)
    expect(await link(['open', 'known'])).toEqual({ code: 0, out: '', err: '' })
    expect(readFileSync(at('opened'), 'utf8')).toBe('https://example.com/known\n')
    writeFileSync(at('broken'), '')
    expect(existsSync(at('broken'))).toBe(true)
    expect((await link(['open', 'known'])).out).toBe('https://example.com/known\n')
  })
})

function csv(text: string): FormData {
  const form = new FormData()
  form.append('file', new File([text], 'links.csv'))
  return form
}
