// Who must not get in, and what must not get through: web pages, proxies, forged hosts, wrong tokens, endless senders.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import { anyDatabase } from './databases.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { exchange, readAnswer } from './wire.ts'

const CUT_OFF_WITHIN = 60_000

describe('open mode', () => {
  let server: TestServer
  let port: number
  let cutOff: Promise<{ who: string; ended: boolean }[]>
  const wire = (first: string, ...headers: string[]) => exchange(port, [`${first} HTTP/1.1`, ...headers, '', ''].join('\r\n'))

  beforeAll(async () => {
    server = await serveOn(anyDatabase)
    port = server.config.PORT
    await server.post('/urls', { original_url: 'https://example.com/known', short_code: 'known' })
    cutOff = Promise.all([
      hangOn('says nothing', ''),
      hangOn('dribbles a header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: '),
    ])
  })
  afterAll(() => server.stop())

  /** A client that never finishes its request; `ended` says that the server gave up on it. */
  function hangOn(who: string, beginning: string) {
    return new Promise<{ who: string; ended: boolean }>((done) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(beginning))
      const drip = beginning ? setInterval(() => socket.write('a'), 1_000) : undefined
      const give = (ended: boolean) => {
        clearInterval(drip)
        clearTimeout(timer)
        done({ who, ended })
        socket.destroy()
      }
      const timer = setTimeout(give, CUT_OFF_WITHIN, false)
      socket.on('error', () => {}).on('close', () => give(true))
    })
  }

  test.each([
    { name: 'no Host, HTTP/1.0', request: 'GET /logs HTTP/1.0\r\n\r\n', status: 400 },
    { name: 'no Host', request: 'GET /logs HTTP/1.1\r\n\r\n', status: 400 },
    { name: 'an empty Host', request: 'GET /logs HTTP/1.1\r\nHost:\r\n\r\n', status: 400 },
    { name: 'Host: ab', request: 'GET /logs HTTP/1.1\r\nHost: ab\r\n\r\n', status: 400 },
    {
      name: 'Host: ab, with a path that a router’s offset turns into /logs',
      request: 'GET /q/logs HTTP/1.1\r\nHost: ab\r\n\r\n',
      status: 400,
    },
    { name: 'Host: a, with such a path', request: 'GET /qq/logs HTTP/1.1\r\nHost: a\r\n\r\n', status: 400 },
    { name: 'a Host with a path and a query', request: 'GET /logs HTTP/1.1\r\nHost: a/b?c\r\n\r\n', status: 400 },
    { name: 'a Host with another path', request: 'GET /health HTTP/1.1\r\nHost: localhost/logs?\r\n\r\n', status: 400 },
    { name: 'a Host with a user', request: 'GET /logs HTTP/1.1\r\nHost: localhost@evil.com\r\n\r\n', status: 400 },
    { name: 'a Host with a port that is none', request: 'GET /urls HTTP/1.1\r\nHost: localhost:99999\r\n\r\n', status: 400 },
    { name: 'such a Host at an unknown code', request: 'GET /nope HTTP/1.1\r\nHost: localhost:99999\r\n\r\n', status: 404 },
    { name: 'a Host that is no address', request: 'GET /logs HTTP/1.1\r\nHost: 127.0.0.999\r\n\r\n', status: 400 },
    { name: 'a foreign Host', request: 'GET /logs HTTP/1.1\r\nHost: evil.com\r\n\r\n', status: 403 },
    { name: 'a foreign Host that begins well', request: 'GET /logs HTTP/1.1\r\nHost: localhost.evil.com\r\n\r\n', status: 403 },
    {
      name: 'a foreign Host before ours',
      request: 'GET /logs HTTP/1.1\r\nHost: evil.com\r\nHost: localhost\r\n\r\n',
      status: 400,
    },
    {
      name: 'ours before a foreign Host',
      request: 'GET /logs HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\nhost: evil.com\r\n\r\n',
      status: 400,
    },
    { name: 'ours twice', request: 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', status: 400 },
    { name: 'ours, and an empty one', request: 'GET /users HTTP/1.1\r\nHost: localhost\r\nHost:\r\n\r\n', status: 400 },
    { name: 'a list as Host', request: 'GET /users HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n', status: 400 },
    { name: 'a Host of dots', request: 'GET /health HTTP/1.1\r\nHost: ....\r\n\r\n', status: 400 },
    { name: 'a Host with two dots', request: 'GET /health HTTP/1.1\r\nHost: a..example\r\n\r\n', status: 400 },
    { name: 'a Host that begins with a hyphen', request: 'GET /health HTTP/1.1\r\nHost: -a.example\r\n\r\n', status: 400 },
    { name: 'a Host with a long label', request: `GET /health HTTP/1.1\r\nHost: ${'a'.repeat(64)}.example\r\n\r\n`, status: 400 },
    { name: 'a Host with the port 0', request: 'GET /health HTTP/1.1\r\nHost: localhost:0\r\n\r\n', status: 400 },
    { name: 'a Host with a dot at its end', request: 'GET /health HTTP/1.1\r\nHost: go.example.com.\r\n\r\n', status: 200 },
    { name: '/health without a Host', request: 'GET /health HTTP/1.0\r\n\r\n', status: 200 },
    { name: '/health/ without a Host', request: 'HEAD /health/ HTTP/1.0\r\n\r\n', status: 200 },
    { name: '/ready with an empty Host', request: 'GET /ready?x=1 HTTP/1.1\r\nHost:\r\n\r\n', status: 200 },
    { name: '/ready by OPTIONS without a Host', request: 'OPTIONS /ready HTTP/1.0\r\n\r\n', status: 400 },
    { name: 'a link behind a path, without a Host', request: 'GET /1234567/known HTTP/1.0\r\n\r\n', status: 400 },
    {
      name: 'an unknown code behind a path, with an empty Host',
      request: 'GET /urls/1/stats HTTP/1.1\r\nHost:\r\n\r\n',
      status: 400,
    },
    { name: '/health with a link in its query, without a Host', request: 'GET /health?/known HTTP/1.0\r\n\r\n', status: 200 },
    { name: 'a link without a Host', request: 'GET /known HTTP/1.0\r\n\r\n', status: 400 },
    { name: 'metrics without a Host', request: 'GET /metrics HTTP/1.0\r\n\r\n', status: 400 },
    { name: '/health and more without a Host', request: 'GET /health/../users HTTP/1.0\r\n\r\n', status: 400 },
    {
      name: 'an absolute URL and a foreign Host',
      request: 'GET http://localhost/logs HTTP/1.1\r\nHost: evil.com\r\n\r\n',
      status: 403,
    },
    { name: 'two slashes', request: 'GET //users HTTP/1.1\r\nHost: localhost\r\n\r\n', status: 404 },
    { name: 'two slashes before a code', request: 'GET //known HTTP/1.1\r\nHost: localhost\r\n\r\n', status: 404 },
    { name: 'two slashes and a host', request: 'GET //evil.com/users HTTP/1.1\r\nHost: localhost\r\n\r\n', status: 404 },
    { name: 'two slashes inside', request: 'GET /users//1 HTTP/1.1\r\nHost: localhost\r\n\r\n', status: 404 },
    { name: 'localhost', request: 'GET /logs HTTP/1.1\r\nHost: LocalHost\r\n\r\n', status: 200 },
    { name: 'IPv6 loopback', request: 'GET /logs HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', status: 200 },
    { name: 'a redirect by any Host', request: 'GET /known HTTP/1.1\r\nHost: go.example.com\r\n\r\n', status: 302 },
    { name: '/health by any Host', request: 'GET /health HTTP/1.1\r\nHost: go.example.com\r\n\r\n', status: 200 },
  ])('$name → $status', async ({ request, status }) => {
    const answer = await exchange(port, request)
    expect({ status: answer.status, logs: answer.body?.logs !== undefined }).toEqual({
      status,
      logs: status === 200 && request.includes('/logs'),
    })
  })

  test.each(['Forwarded', 'Via', 'X-Real-IP', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port'])(
    'a request forwarded with %s is refused, with what to set',
    async (name) => {
      const { status, body } = await wire('GET /users', `Host: 127.0.0.1:${port}`, `${name}: x`)
      expect([status, body.error]).toEqual([403, expect.stringContaining('ADMIN_TOKEN')])
    },
  )

  const links = async () => (await server.get('/urls')).body.map(({ click_count: _, ...link }: any) => link)
  test.each(
    ['POST /urls', 'PUT /urls/1', 'PATCH /urls/1', 'DELETE /urls/1', 'POST /urls/bulk', 'DELETE /chaos'].flatMap((route) =>
      [
        'Origin: https://evil.example',
        'Origin: null',
        'Origin: http://127.0.0.1:1',
        'Sec-Fetch-Site: cross-site',
        'Sec-Fetch-Site: same-site',
      ].map((header) => [route, header] as const),
    ),
  )('%s asked for with %s is refused, and not done', async (route, header) => {
    const before = await links()
    expect(before).toContainEqual(expect.objectContaining({ id: 1, short_code: 'known' }))
    const { status, body } = await wire(
      route,
      `Host: 127.0.0.1:${port}`,
      header,
      'Content-Type: application/json',
      'Content-Length: 0',
    )
    expect([status, body.error]).toEqual([403, expect.stringContaining('another origin')])
    expect(await links()).toEqual(before)
  })

  test('our own pages may make changes', async () => {
    const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' }
    expect((await server.post('/urls', { original_url: 'https://example.com/own' }, own)).status).toBe(201)
    expect((await server.post('/urls', { original_url: 'https://example.com/own' }, { 'sec-fetch-site': 'none' })).status).toBe(
      201,
    )
  })

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; application/json',
  ])('a page’s form (%s), which needs no preflight, makes no link', async (type) => {
    const answer = await server.post('/urls', 'original_url=https://example.com', { 'content-type': type })
    expect(answer.status).toBe(415)
  })

  test('an endless body is refused while it is being sent, and others are still served', async () => {
    const socket = connect(port, '127.0.0.1')
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    let sent = 0
    let answered = false
    const answer = readAnswer(socket).finally(() => {
      answered = true
    })
    socket.write(
      `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    while (!answered && sent < 64e6) {
      socket.write(chunk)
      sent += chunk.length
      await Bun.sleep(1)
    }
    expect((await answer).status).toBe(413)
    expect(sent).toBeLessThan(64e6)
    socket.destroy()
    expect((await server.get('/health')).status).toBe(200)
  })

  test('a body announced as too large is refused before it is sent', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{')
    expect((await readAnswer(socket)).status).toBe(413)
    socket.destroy()
  })

  test('fifty clients that never finish a request keep nobody waiting', async () => {
    const sockets = Array.from({ length: 50 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    for (const socket of sockets)
      socket.write('POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{')
    expect((await server.get('/users')).status).toBe(200)
    for (const socket of sockets) socket.destroy()
  })

  test(
    'who never finishes a request is cut off',
    async () => {
      expect(await cutOff).toEqual([
        { who: 'says nothing', ended: true },
        { who: 'dribbles a header', ended: true },
      ])
    },
    CUT_OFF_WITHIN + 5_000,
  )
})

describe('with ADMIN_TOKEN', () => {
  const ADMIN_TOKEN = 'an-operators-long-token'
  /** Open to everybody; of the rest, a route added later is checked without a word here. */
  const PUBLIC = ['GET /health', 'GET /ready', 'GET /{code}', 'GET /urls/{id}/redirect']
  /** Open without a token; a wrong one gets an error. */
  const SIGN_IN = ['GET /api/session', 'POST /api/session', 'DELETE /api/session']
  let server: TestServer
  let routes: { method: string; path: string }[]

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { ADMIN_TOKEN, RATE_SIGN_IN: 'off' }) // a wrong token is tried at every route
    await server.post('/urls', { original_url: 'https://example.com/known', short_code: 'known' })
    const { paths } = (await server.get('/openapi.json')).body
    routes = Object.entries<any>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    )
  })
  afterAll(() => server.stop())

  const statuses = async (authorization: string | undefined) => {
    const answers: Record<string, number> = {}
    for (const { method, path } of routes) {
      const response = await fetch(server.base + path.replace(/\{\w+\}/, '99'), {
        method,
        redirect: 'manual',
        headers: { ...(authorization ? { authorization } : {}), 'content-type': 'application/json' },
        body: method === 'GET' || method === 'DELETE' ? undefined : '[]',
      })
      answers[`${method} ${path}`] = response.status
    }
    return answers
  }

  test.each([
    ['no token', undefined, SIGN_IN],
    ['a wrong token', 'Bearer another-operators-token', []],
    ['the token without its last character', `Bearer ${ADMIN_TOKEN.slice(0, -1)}`, []],
    ['the token by another scheme', `Basic ${ADMIN_TOKEN}`, SIGN_IN],
    ['an empty token', 'Bearer ', SIGN_IN],
  ])('%s opens nothing but what is public', async (_, authorization, signIn) => {
    const answers = await statuses(authorization)
    expect(Object.keys(answers).length).toBeGreaterThan(25)
    expect(
      Object.keys(answers)
        .filter((route) => answers[route] !== 401)
        .sort(),
    ).toEqual([...PUBLIC, ...signIn].sort())
  })

  test('the token opens everything but /chaos, which has its own', async () => {
    const answers = await statuses(`bearer ${ADMIN_TOKEN}`)
    expect(
      Object.keys(answers)
        .filter((route) => answers[route] === 401)
        .sort(),
    ).toEqual(['DELETE /chaos', 'GET /chaos', 'POST /chaos'])
  })

  test.each([
    ['GET', '/known', 302],
    ['HEAD', '/known', 302],
    ['GET', '/known+', 200],
    ['GET', '/urls/known', 302],
    ['GET', '/urls/known/redirect', 302],
    ['GET', '/urls/1', 401],
    ['GET', '/urls/%31', 401],
    ['GET', '/urls/1/', 401],
    ['HEAD', '/urls/1', 401],
    ['HEAD', '/users', 401],
    ['GET', '/users/', 401],
    ['GET', '/%75sers', 404],
    ['GET', '/Users', 404],
    ['GET', '/urls/known/stats', 401],
    ['GET', '/urls/known/events', 401],
    ['POST', '/urls/known', 401],
    ['OPTIONS', '/users', 401],
    ['GET', '/nothing/here', 401],
    ['GET', '/robots.txt', 200],
    ['GET', '/openapi.json', 200],
  ])('%s %s without a token → %i', async (method, path, status) => {
    const answer = await exchange(
      server.config.PORT,
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(answer.status).toBe(status)
  })

  test('a 401 says how to sign in', async () => {
    const { headers } = await fetch(`${server.base}/users`)
    expect(headers.get('www-authenticate')).toBe('Bearer')
  })

  test('a page of another site makes no change without a token of its own', async () => {
    const change = { method: 'POST', body: '{}', headers: { origin: 'https://evil.example', 'content-type': 'application/json' } }
    for (const path of ['/urls', '/api/session', '/api/keys', '/no/such/route'])
      expect((await fetch(server.base + path, change)).status).toBe(403)
  })

  test('behind a proxy, under another name, it works', async () => {
    const proxied = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', host: 'go.example.com' }
    const { status, body } = await server.post('/urls', { original_url: 'https://example.com' }, proxied)
    expect([status, body.short_url]).toEqual([201, `https://go.example.com/${body.short_code}`])
  })
})

describe('a start that would open the API to a network by accident', () => {
  const start = async (...flags: string[]) => {
    const child = Bun.spawn(
      [
        process.execPath,
        '--no-env-file',
        join(import.meta.dir, '../src/main.ts'),
        'serve',
        '--port',
        String(await freePort()),
        ...flags,
      ],
      { env: { DATA_DIR: temporaryFolder() }, stdout: 'pipe', stderr: 'pipe', timeout: 20_000 },
    )
    return { code: await child.exited, said: await new Response(child.stderr).text() }
  }

  test.each(['0.0.0.0', '::', '192.0.2.1'])('HOST=%s without ADMIN_TOKEN is refused with one sentence', async (host) => {
    const { code, said } = await start('--host', host)
    expect([code, said.trim().split('\n').length]).toEqual([2, 1])
    expect(said).toContain('set ADMIN_TOKEN')
  })

  test('behind a proxy that is trusted, without ADMIN_TOKEN, the same', async () => {
    const { code, said } = await start('--trusted-proxies', '1')
    expect([code, said.trim().split('\n').length]).toEqual([2, 1])
    expect(said).toMatch(/^waypost: TRUSTED_PROXIES 1 .*set ADMIN_TOKEN/)
  })
})
