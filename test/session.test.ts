// Sessions of the console: what the cookie is, what it opens and to whom, and how it ends; at last in a real browser.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hasBrowser, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { exchange } from './wire.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const kind = anyDatabase

let server: TestServer
beforeAll(async () => {
  server = await serveOn(kind, { ADMIN_TOKEN })
})
afterAll(() => server.stop())

type Extra = Record<string, string>

/** As a browser: no token but the cookie. */
async function ask(method: string, path: string, extra: Extra = {}, body?: unknown) {
  const response = await fetch(server.base + path, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...extra },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

const cookieIn = ({ headers }: { headers: Headers }) => headers.get('set-cookie')!.split(';')[0]!
const signIn = async (token = ADMIN_TOKEN, extra: Extra = {}) => cookieIn(await ask('POST', '/api/session', extra, { token }))
const make = async (body: object = {}) => (await server.post('/api/keys', { name: 'console', scope: 'write', ...body })).body

describe('signing in', () => {
  test('gives a cookie that no script and no other site’s page can use, for 12 hours at most', async () => {
    const { status, headers, body } = await ask('POST', '/api/session', {}, { token: ADMIN_TOKEN })
    const [value, ...attributes] = headers.get('set-cookie')!.split('; ')
    expect([status, value]).toEqual([201, expect.stringMatching(/^waypost_session=[\w-]+\.[\w-]{43}$/)])
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=43200', 'Path=/', 'SameSite=Strict'])
    expect(headers.get('cache-control')).toContain('no-')
    expect(body).toMatchObject({ mode: 'token', by: 'session', scope: 'admin', key: null, user_id: null })
    expect(Date.parse(body.expires_at) - Date.now()).toBeLessThanOrEqual(12 * 3_600_000)
  })

  test('by another name than localhost, the cookie is for https and this host alone', async () => {
    const { headers } = await ask('POST', '/api/session', { host: 'go.example.com' }, { token: ADMIN_TOKEN })
    expect(headers.get('set-cookie')).toMatch(/^__Host-waypost_session=.*; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
    const cookie = cookieIn({ headers })
    expect((await ask('GET', '/urls', { host: 'go.example.com', cookie })).status).toBe(200)
    // A page on localhost could set the plain name for another port; the prefixed one it cannot.
    const plain = cookie.replace('__Host-', '')
    expect((await ask('GET', '/urls', { host: 'go.example.com', cookie: plain })).status).toBe(401)
  })

  test.each([
    ['a wrong token', { token: 'not-the-operators-token' }, 401],
    ['a key that there is not', { token: `wp_${'A'.repeat(43)}` }, 401],
    ['nothing', {}, 400],
    ['a blank', { token: ' ' }, 400],
    ['a number', { token: 7 }, 400],
    ['a list', [ADMIN_TOKEN], 400],
    ['too much', { token: 'x'.repeat(2_000) }, 400],
  ])('with %s gives none', async (_, body, status) => {
    const answer = await ask('POST', '/api/session', {}, body)
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([status, null])
    expect(JSON.stringify(answer.body)).not.toContain('operators')
  })

  test.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: 'http://localhost:1' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ])('from a page of another origin is refused (%j)', async (extra) => {
    const answer = await ask('POST', '/api/session', extra as unknown as Extra, { token: ADMIN_TOKEN })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null])
  })

  test('by a form is refused: no page of another site needs a preflight for one', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await fetch(`${server.base}/api/session`, { method: 'POST', headers: type, body: `token=${ADMIN_TOKEN}` })
    expect(response.status).toBe(415)
  })
})

test('too many wrong sign-ins are 429, and then right ones too, for a while', async () => {
  const limited = await serveOn(kind, { ADMIN_TOKEN, RATE_SIGN_IN: '5/h' })
  try {
    const { key } = (await limited.post('/api/keys', { name: 'script', scope: 'read' })).body
    const cookie = cookieIn(await limited.post('/api/session', { token: ADMIN_TOKEN }))
    const signInWith = (token: string) => limited.call('POST', '/api/session', { token }, { authorization: '' })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await signInWith(`wp_guess${i}`)).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401])
    for (const token of ['wp_guess', ADMIN_TOKEN]) {
      const answer = await signInWith(token)
      expect([answer.status, answer.headers.get('set-cookie'), Number(answer.headers.get('retry-after')) > 60]).toEqual([
        429,
        null,
        true,
      ])
    }
    // What the server made at random is not guessed: who has a key or a session is not locked out.
    expect((await limited.get('/urls', { authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await limited.get('/urls', { authorization: '', cookie })).status).toBe(200)
  } finally {
    await limited.stop()
  }
})

describe('a session', () => {
  test('says whose it is', async () => {
    const user = (await server.post('/users', { username: 'ada', email: 'ada@example.com' })).body
    const { id, key } = await make({ user_id: user.id })
    const cookie = await signIn(key)
    const { body } = await ask('GET', '/api/session', { cookie })
    const expires = body.expires_at
    expect(body).toEqual({
      mode: 'token',
      by: 'session',
      scope: 'write',
      key: { id, name: 'console' },
      user_id: user.id,
      only_tag: null,
      expires_at: expires,
    })
    const hours = (Date.parse(expires) - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(11.9)
    expect(hours).toBeLessThanOrEqual(12)
    expect((await ask('GET', '/api/session')).body).toMatchObject({ mode: 'token', by: 'nobody', scope: 'none' })
  })

  // [what the browser says of where the request comes from, the status of a change by the cookie]
  test.each([
    [{ origin: 'own' }, 201],
    [{ 'sec-fetch-site': 'same-origin' }, 201],
    [{ origin: 'own', 'sec-fetch-site': 'same-origin' }, 201],
    [{}, 403],
    [{ 'sec-fetch-site': 'none' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'own', 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://127.0.0.1:1' }, 403],
    [{ origin: 'http://localhost:1' }, 403],
  ])('changes something only for our own page: %j → %d', async (said, status) => {
    const cookie = await signIn()
    const extra = {
      ...said,
      ...('origin' in said && said.origin === 'own' && { origin: server.base }),
      cookie,
    } as unknown as Extra
    expect((await ask('POST', '/urls', extra, { original_url: 'https://example.com' })).status).toBe(status)
    expect((await ask('GET', '/urls', { cookie })).status).toBe(200)
  })

  test('that is tampered with in any one place is invalid', async () => {
    const cookie = await signIn((await make({ scope: 'read' })).key)
    const start = cookie.indexOf('=') + 1
    for (let at = start; at < cookie.length; at += 7) {
      const other = cookie[at] === 'x' ? 'y' : 'x'
      const changed = `${cookie.slice(0, at)}${other}${cookie.slice(at + 1)}`
      expect([at, (await ask('GET', '/urls', { cookie: changed })).status]).toEqual([at, 401])
    }
    const [text = '', signature = ''] = cookie.slice(start).split('.')
    const admin = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), of: 'admin' }))
    for (const forged of [
      `${admin.toString('base64url')}.${signature}`,
      `${admin.toString('base64url')}.`,
      `${text}`,
      '.',
      `.${signature}`,
      '%00',
      '{}',
    ])
      expect([forged, (await ask('GET', '/urls', { cookie: `waypost_session=${forged}` })).status]).toEqual([forged, 401])
  })

  test('ends with its key, and says that it is over', async () => {
    const { id, key } = await make()
    const cookie = await signIn(key)
    expect((await ask('GET', '/urls', { cookie })).status).toBe(200)
    await server.call('DELETE', `/api/keys/${id}`)
    const { status, body } = await ask('GET', '/urls', { cookie })
    expect([status, body.error]).toEqual([401, 'the session has ended: sign in again'])
    expect((await ask('GET', '/api/session', { cookie })).body.by).toBe('nobody')
  })

  test('and a key let nobody follow the log beyond their end', async () => {
    for (const withSession of [true, false]) {
      const { id, key } = await make({ scope: 'read' })
      const headers: Extra = withSession ? { cookie: await signIn(key) } : { authorization: `Bearer ${key}` }
      const tail = await fetch(`${server.base}/logs`, { headers: { ...headers, accept: 'text/event-stream' } })
      expect(tail.status).toBe(200)
      const reader = tail.body!.getReader()
      await reader.read()
      let ended = false
      const end = (async () => {
        while (!(await reader.read()).done);
        ended = true
      })()
      await Bun.sleep(1_100)
      expect(ended).toBe(false) // it was asked about twice by now, and holds
      await server.call('DELETE', `/api/keys/${id}`)
      await end // else the test's time runs out
    }
  })

  test('lasts no longer than its key', async () => {
    const end = Date.now() + 6_000
    const { key } = await make({ expires_at: new Date(end).toISOString() })
    const answer = await ask('POST', '/api/session', {}, { token: key })
    expect(Date.parse(answer.body.expires_at)).toBeLessThanOrEqual(end)
    const cookie = cookieIn(answer)
    while (Date.now() <= end) await Bun.sleep(50)
    expect((await ask('GET', '/urls', { cookie })).status).toBe(401)
  })

  test('is deleted by signing out, also after it has expired', async () => {
    for (const cookie of [await signIn(), 'waypost_session=over']) {
      const { status, headers } = await ask('DELETE', '/api/session', { cookie, origin: server.base })
      expect([status, headers.get('set-cookie')]).toEqual([204, expect.stringMatching(/^waypost_session=; Max-Age=0; /)])
    }
  })

  test('ends with all others by signing out everywhere, which takes an admin', async () => {
    const [one, other] = [await signIn(), await signIn((await make()).key)]
    expect((await ask('DELETE', '/api/sessions', { cookie: other, origin: server.base })).status).toBe(403)
    expect((await ask('DELETE', '/api/sessions', { cookie: one, origin: server.base })).status).toBe(204)
    for (const cookie of [one, other]) expect((await ask('GET', '/urls', { cookie })).status).toBe(401)
    expect((await ask('GET', '/urls', { cookie: await signIn() })).status).toBe(200)
  })

  test('yields to a token that comes with it', async () => {
    const cookie = await signIn((await make({ scope: 'read' })).key)
    expect((await ask('GET', '/api/keys', { cookie })).status).toBe(403)
    expect((await ask('GET', '/api/keys', { cookie, authorization: `Bearer ${ADMIN_TOKEN}` })).status).toBe(200)
    expect((await ask('GET', '/urls', { cookie, authorization: 'Bearer wrong-wrong-wrong-wrong' })).status).toBe(401)
  })

  test('is found among other cookies, and an endless line of them does no harm', async () => {
    const cookie = await signIn()
    expect((await ask('GET', '/urls', { cookie: `a=b; ${cookie}; c` })).status).toBe(200)
    const answer = await exchange(
      server.config.PORT,
      `GET /urls HTTP/1.1\r\nHost: localhost\r\nCookie: ${'waypost_session=x; '.repeat(500)}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer.status).toBe(401)
  })

  test('survives a restart, and ends with the admin token that it was signed by', async () => {
    const settings = await kind.settings()
    const same = { ...kind, settings: async () => settings }
    const before = await serveOn(same, { ADMIN_TOKEN })
    const { headers } = await before.post('/api/session', { token: ADMIN_TOKEN })
    const cookie = cookieIn({ headers })
    await before.stop()
    for (const [token, status] of [
      [ADMIN_TOKEN, 200],
      ['another-operators-token', 401],
    ] as const) {
      const after = await serveOn(same, { ADMIN_TOKEN: token })
      expect((await fetch(`${after.base}/urls`, { headers: { cookie } })).status).toBe(status)
      await after.stop()
    }
  })

  test('leaves neither cookie nor key nor token in the log', async () => {
    const { key } = await make()
    const cookie = await signIn(key)
    await ask('GET', `/urls?token=${key}`, { cookie, authorization: `Bearer ${key}` })
    await ask('POST', '/api/session', {}, { token: `${key}x` })
    const log = JSON.stringify(server.ring.read({ limit: 100_000 }))
    expect(log.length).toBeGreaterThan(1_000)
    for (const secret of [key, cookie.split('=')[1]!, ADMIN_TOKEN]) expect(log).not.toContain(secret)
  })
})

test.skipIf(!hasBrowser)('in a browser: sign in, make a link, reload, sign out', async () => {
  const { id: ada } = (await server.post('/users', { username: 'browser', email: 'browser@example.com' })).body
  await server.post('/urls', { original_url: 'https://example.com/somebody-elses' })
  const { id, key } = await make({ user_id: ada })
  const seen = await visit(server.base)
  const { page } = seen
  try {
    await page.goto('/console/links')
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('Token').fill(`${key.slice(0, -2)}xx`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The server does not accept this token.').waitFor()

    await page.getByLabel('Token').fill(key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Links', exact: true }).waitFor()
    await page.getByLabel('New link to').fill('https://example.com/made-in-the-browser')
    await page.keyboard.press('Enter')
    await page.getByText('/made-in-the-browser').first().waitFor()
    expect(await page.getByText('/somebody-elses').count()).toBe(0) // its user has this one alone
    expect((await server.get('/urls?q=made-in-the-browser')).body).toMatchObject([{ user_id: ada }])

    expect(await page.evaluate('document.cookie + JSON.stringify({ ...sessionStorage, ...localStorage })')).not.toContain(
      'waypost_session',
    )
    await page.reload()
    await page.getByText('/made-in-the-browser').first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await page.context().cookies()).toEqual([])
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()

    await page.getByLabel('Token').fill(key)
    await page.keyboard.press('Enter')
    await page.getByText('/made-in-the-browser').first().waitFor()
    await server.call('DELETE', `/api/keys/${id}`)
    await page.getByRole('heading', { name: 'Your session has ended' }).waitFor() // as soon as the page asks again
    seen.forgive(401)
    expect(seen.complaints).toEqual([])
  } finally {
    await seen.close()
  }
})
