// Where a link may lead: what is refused, in every form that it can be written in, at each door; and what must not be refused.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostOf, readHost } from '../src/base/host.ts'
import { readConfig } from '../src/config/config.ts'
import { openExchange } from '../src/http/exchange.ts'
import { admission } from '../src/links/admission.ts'
import { refusal as misshapen } from '../src/links/target.ts'
import { runCommand } from './child.ts'
import { anyDatabase, databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'

test.each([
  ['http://example.com/x', 'example.com'],
  ['https://EXAMPLE.com.:8080/x?y#z', 'example.com'],
  ['https://user:secret@example.com/', 'example.com'],
  ['https://example.com\\@other.example/', 'example.com'],
  ['https://example.com?@other.example/', 'example.com'],
  ['https:\\\\example.com', 'example.com'],
  ['https://ex%61mple%2ecom/', 'example.com'],
  ['https://ｅｘａｍｐｌｅ。com/', 'example.com'],
  ['https://ex\u00adample.com/', 'example.com'],
  ['https://Bücher.example/', 'xn--bcher-kva.example'],
  ['http://127.1', '127.0.0.1'],
  ['http://0x7f.0.0.1/', '127.0.0.1'],
  ['http://017700000001/', '127.0.0.1'],
  ['http://2130706433/', '127.0.0.1'],
  ['http://①②⑦.0.0.1/', '127.0.0.1'],
  ['http://127.0.0.1./', '127.0.0.1'],
  ['http://[::FFFF:127.0.0.1]/', '127.0.0.1'],
  ['http://[0:0:0:0:0:ffff:7f00:1]/', '127.0.0.1'],
  ['http://[2001:DB8:0::1]:80/', '[2001:db8::1]'],
  ['http://256.0.0.1/', undefined],
  ['no URL', undefined],
])('%s leads to %p', (url, host) => expect(hostOf(url)).toBe(host))

test.each([
  ['Example.com.', 'example.com', ''],
  ['example.com:8080', 'example.com', '8080'],
  ['example.com:80', 'example.com', '80'],
  ['::1', '[::1]', ''],
  ['[::1]:443', '[::1]', '443'],
  ['::ffff:10.0.0.1', '10.0.0.1', ''],
  ['0x7f.1', '127.0.0.1', ''],
])('%s is the host %s with the port %p', (text, host, port) => expect(readHost(text)).toEqual({ host, port }))

test.each([
  ...[
    'http://x/',
    'http://x./',
    'http://example.com./',
    'http://my_host.example/',
    'http://x:65535/',
    'http://x:1/',
    'http://x:/',
    'http://[::1]/',
  ],
  ...[
    `http://${'a'.repeat(63)}.example/`,
    `http://${'a.'.repeat(126)}a/`,
    'http://r3---sn-p5.example/',
    'http://1.2.3.4/',
    'http://b\u00fccher.example/',
  ],
])('%s is a target', (target) => expect(misshapen(target)).toBeUndefined())

test.each(['a,b', 'a;b', 'a..b', 'a.b..', '-a', 'a-', 'a:', 'a:0', '*.a', 'a b', '||a^', `${'a'.repeat(64)}.b`, 'a.b:80:90'])(
  '%p is no host either',
  (text) => expect(readHost(text)).toBeUndefined(),
)

test.each(['', '.', '....', 'a b', 'a/b', 'a\\b', 'u@a', 'a?b', 'a#b', 'a:b', 'a:99999', 'http://a', '[::1', '300.1.1.1'])(
  '%p is no host',
  (text) => expect(readHost(text)).toBeUndefined(),
)

test.each([
  ['javascript:alert(1)', 'http or https'],
  ['JaVaScRiPt://example.com/%0Aalert(1)', 'http or https'],
  ['data:text/html,x', 'http or https'],
  ['file:///etc/passwd', 'http or https'],
  ['ftp://example.com/', 'http or https'],
  ['//example.com/', 'http or https'],
  ['/path', 'http or https'],
  ['https:example.com', 'http or https'],
  ['https:///example.com', 'http or https'],
  ['https:\\\\example.com', 'http or https'],
  [' https://example.com/', 'http or https'],
  ['https://', 'http or https'],
  ['https://user@example.com/', 'user name'],
  ['https://user:secret@example.com/', 'user name'],
  ['https://:secret@example.com/', 'user name'],
  ['https://trusted.example%2f@example.com/', 'user name'],
  ['https://trusted.example\t@example.com/', 'control'],
  ['https://example.com/\r\nSet-Cookie: a=b', 'control'],
  ['https://example.com/\u0000', 'control'],
  ['https://exam\nple.com/', 'control'],
  ['https://example.com/\u007f', 'control'],
  ['https://example.com/\u0085', 'control'],
  ['https://exa mple.com/', 'not a valid URL'],
  ['https://example.com:99999/', 'not a valid URL'],
  ['https://[::1/', 'not a valid URL'],
  ['https://1.2.3.4.5/', 'not a valid URL'],
  ['http://./', 'have a valid host'],
  ['http://.', 'have a valid host'],
  ['http://../', 'have a valid host'],
  ['http://a..b/', 'have a valid host'],
  ['http://.example.com/', 'have a valid host'],
  ['http://example.com../', 'have a valid host'],
  ['http://-x.example/', 'have a valid host'],
  ['http://x-.example/', 'have a valid host'],
  ['http://x.-/', 'have a valid host'],
  ['http://evil.example,phishing/', 'have a valid host'],
  ['http://a;b/', 'have a valid host'],
  ['http://*.example.com/', 'have a valid host'],
  ["http://a'b.example/", 'have a valid host'],
  [`http://${'a'.repeat(64)}.example/`, 'have a valid host'],
  [`http://${'b\u00fc'.repeat(40)}.example/`, 'have a valid host'],
  [`http://${'a.'.repeat(126)}aa/`, 'have a valid host'],
  ['http://x:0/', 'port from 1'],
  ['http://example.com:00000/x', 'port from 1'],
  ['http://[2001:db8::1]:0/', 'port from 1'],
  ['http://x:65536/', 'not a valid URL'],
])('%j is no target: %s', (target, reason) => expect(misshapen(target)).toContain(reason))

const urls = (text: string) => text.trim().split(/\s+/)

/** What is said against a target, of a request that came by that Host. */
function against(target: string, settings: Record<string, string>, origin = 'http://short.example') {
  const request = new Request('http://any.example/')
  openExchange(request, { id: '', path: '', origin, route: '', started: 0, principal: { by: 'nobody', scope: 'none' } })
  return admission(readConfig(settings, {}), () => false).refusal(target, request)
}

describe('a loop', () => {
  const PUBLIC_URL = 'https://go.example.com'
  const OWN_HOSTS = 'Old.Example, bücher.example:8443,192.0.2.1,[2001:db8::1]'
  test.each([
    'https://go.example.com/abc',
    'http://GO.example.com./abc',
    'https://go.example.com:444/',
    'https://go%2Eexample.com/',
    'https://old.example/',
    'https://old.example:9/',
    'https://xn--bcher-kva.example:8443/x',
    'http://0xc0000201/',
    'http://[::ffff:192.0.2.1]/',
    'http://[2001:db8:0:0::1]/',
    'http://short.example/abc',
    'https://short.example:1234',
  ])('%s is refused', (target) => expect(against(target, { PUBLIC_URL, OWN_HOSTS })).toContain('lead back to this server'))

  test.each([
    'https://www.go.example.com/',
    'https://example.com/',
    'https://go.example.com.evil.example/',
    'https://xn--bcher-kva.example/x', // it is ours on another port
    'http://192.0.2.2/',
    'https://other.example/?url=https://go.example.com/',
  ])('%s is not one of ours', (target) => expect(against(target, { PUBLIC_URL, OWN_HOSTS })).toBeUndefined())

  test.each([
    ['http://localhost:8080/x', true],
    ['http://127.0.0.1:8080/x', true],
    ['http://127.9.9.9:8080/x', true],
    ['http://[::1]:8080/x', true],
    ['http://[::]:8080/x', true],
    ['http://0.0.0.0:8080/x', true],
    ['http://0:8080/x', true],
    ['http://api.localhost:8080/x', true],
    ['http://[::ffff:7f00:1]:8080/x', true],
    ['http://localhost:3000/', false],
    ['http://localhost/', false],
  ])('to a server at 127.0.0.1:8080 by %s: %p', (target, loops) =>
    expect(against(target, {}, 'http://127.0.0.1:8080') !== undefined).toBe(loops),
  )

  test.each([
    ['https://example.com/go', true],
    ['https://example.com/go/abc', true],
    ['https://example.com/x/../go/abc', true],
    ['https://example.com/gopher', false],
    ['https://example.com/blog', false],
  ])('where PUBLIC_URL is https://example.com/go, %s: %p', (target, loops) =>
    expect(against(target, { PUBLIC_URL: 'https://example.com/go' }, 'https://example.com') !== undefined).toBe(loops),
  )

  test('is searched without an error if the Host is invalid', () =>
    expect(against('https://example.com/', {}, 'http://....')).toBeUndefined())
})

describe('PRIVATE_TARGETS=refuse', () => {
  const PRIVATE = urls(`
    http://localhost/ http://LOCALHOST./ http://app.localhost:3000/ http://intranet/ http://printer.local/
    http://metadata.google.internal/ http://nas.lan/ http://router.home.arpa/ http://wiki.corp/ http://a.b.internal./
    http://127.0.0.1/ http://127.1/ http://0177.0.0.1/ http://0x7f000001/ http://2130706433/ http://127.0.0.1./ http://0/
    http://0.0.0.0/ http://10.1.2.3/ http://167837955/ http://012.1.2.3/ http://0xa.0x1.0x2.0x3/ http://172.16.0.1/
    http://172.31.255.255/ http://192.168.1.1/ http://192.168.257/ http://100.64.0.1/
    http://169.254.169.254/latest/meta-data/ http://0xA9FEA9FE/ http://2852039166/ http://198.18.0.1/ http://192.0.0.8/
    http://224.0.0.1/ http://240.0.0.1/ http://255.255.255.255/ http://①⑥⑨.254.169.254/ http://[::1]/ http://[::]/
    http://[0:0:0:0:0:0:0:1]:8080/ http://[fe80::1]/ http://[febf::1]/ http://[fec0::1]/ http://[fc00::1]/
    http://[fd12:3456::1]/ http://[ff02::1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:a00:1]/
    http://[::ffff:169.254.169.254]/ http://[::10.0.0.1]/ http://[::7f00:1]/ http://[64:ff9b::10.0.0.1]/
    http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b:1::1]/ http://[2002:0a00:0001::1]/ http://[2002:7f00:1::]/
    http://[2002:c0a8:101::1]/
  `)
  test.each(PRIVATE)('refuses %s', (target) =>
    expect(against(target, { PRIVATE_TARGETS: 'refuse' })).toBe('must not lead into a private network'),
  )
  test.each(PRIVATE)('and not set, %s is allowed', (target) => expect(against(target, {})).toBeUndefined())

  test.each(
    urls(`
    https://example.com/ https://localhost.example.com/ https://internal.example/ https://xn--bcher-kva.example/
    http://9.255.255.255/ http://11.0.0.0/ http://172.15.0.1/ http://172.32.0.1/ http://192.167.1.1/ http://192.169.1.1/
    http://169.253.1.1/ http://100.63.0.1/ http://100.128.0.1/ http://128.0.0.1/ http://223.255.255.255/ http://1.1/
    http://[2606:4700::1111]/ http://[2001:4860:4860::8888]/ http://[::ffff:8.8.8.8]/ http://[64:ff9b::8.8.8.8]/
    http://[2002:808:808::1]/ https://local.example/path https://10.example/
  `),
  )('allows %s', (target) => expect(against(target, { PRIVATE_TARGETS: 'refuse' })).toBeUndefined())
})

describe.each(databases)('on a server ($name)', (kind) => {
  let server: TestServer
  const PUBLIC_URL = 'https://go.example.com'
  const good = 'https://example.com/good'
  beforeAll(async () => {
    server = await serveOn(kind, { AUTH: 'off', PUBLIC_URL, OWN_HOSTS: 'go.example.org', PRIVATE_TARGETS: 'refuse' })
  })
  afterAll(() => server.stop())

  const BAD: [target: string, reason: string][] = [
    [`${PUBLIC_URL}/abc`, 'lead back'],
    ['http://go.example.org/abc', 'lead back'],
    ['http://192.168.1.1/', 'private network'],
    ['http://[::ffff:10.0.0.1]/', 'private network'],
    ['https://user@example.com/', 'user name'],
    ['javascript:alert(1)', 'http or https'],
    ['http://./', 'have a valid host'],
    ['http://x.example:0/', 'have a port from 1'],
  ]
  const form = (csv: string) => {
    const body = new FormData()
    body.append('file', new Blob([csv]), 'urls.csv')
    return body
  }

  test.each(BAD)('%s is refused by create, shorten, change and import, which name the field', async (target, reason) => {
    const made = await server.post('/urls', { original_url: good })
    expect(made.status).toBe(201)
    for (const [method, path, body, field] of [
      ['POST', '/urls', { original_url: target }, 'original_url'],
      ['POST', '/shorten', { url: target }, 'url'],
      ['POST', '/shorten', { original_url: target }, 'original_url'],
      ['PUT', `/urls/${made.body.id}`, { original_url: target }, 'original_url'],
      ['PATCH', `/urls/${made.body.id}`, { original_url: target, title: 'x' }, 'original_url'],
    ] as const) {
      const { status, body: answer } = await server.call(method, path, body)
      expect([method, path, status, answer.details?.[0]]).toEqual([
        method,
        path,
        400,
        { field, message: expect.stringContaining(reason) },
      ])
    }
    const imported = await server.post('/urls/bulk', form(`short_code,original_url\nfine1,${good}\nbad1,"${target}"\n`))
    expect([imported.status, imported.text]).toEqual([400, expect.stringContaining(reason)])
    expect(imported.text).toContain('original_url')
    expect((await server.get('/fine1')).status).toBe(404)
    expect((await server.get(`/urls/${made.body.id}`)).body).toMatchObject({ original_url: good, title: null })
  })

  test('a link back to the address that the client used is refused, by import too', async () => {
    const { host } = new URL(server.base)
    for (const target of [`http://${host}/x`, `http://localhost:${new URL(server.base).port}/x`]) {
      expect((await server.post('/urls', { original_url: target })).text).toContain('lead back')
      expect((await server.post('/urls/bulk', form(`original_url\n${target}\n`))).text).toContain('lead back')
    }
    const named = await server.post('/urls', { original_url: 'https://links.example.net/x' }, { host: 'links.example.net' })
    expect(named.text).toContain('lead back')
  })

  test('a link that was made before the rule may change in everything but its target, and its client sends all of it back', async () => {
    const [row] = await server.database.run(
      (sql) => sql<{ id: number }[]>`
        insert into urls (short_code, original_url) values ('before1', 'http://192.168.1.1/') on conflict (short_code) do update set title = null
        returning id`,
    )
    const { body: whole } = await server.get(`/urls/${row!.id}`)
    const changed = await server.call('PUT', `/urls/${row!.id}`, { ...whole, title: 'new' })
    expect([changed.status, changed.body.title]).toEqual([200, 'new'])
    const moved = await server.call('PUT', `/urls/${row!.id}`, { ...whole, original_url: 'http://192.168.1.2/' })
    expect(moved.status).toBe(400)
  })
})

test('`waypost seed` and the first boot import no link that the settings refuse', async () => {
  const folder = mkdtempSync(join(temporaryFolder(), 'seed-'))
  writeFileSync(join(folder, 'urls.csv'), 'short_code,original_url\ninside,http://10.0.0.1/\n')
  const settings = await anyDatabase.settings()
  const refused = await runCommand(['seed', folder], { ...settings, PRIVATE_TARGETS: 'refuse' })
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('must not lead into a private network')])
  await expect(serveOn(anyDatabase, { ...settings, SEED_DIR: folder, PRIVATE_TARGETS: 'refuse' })).rejects.toThrow(
    'private network',
  )
  const allowed = await runCommand(['seed', folder], settings)
  expect([allowed.code, allowed.out]).toEqual([0, expect.stringContaining('1 links')])
})
