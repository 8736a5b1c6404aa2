// Links with a password, a button or limited clicks: what each kind of visit gets, what counts, and that none of it needs the database.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { AT_ONCE } from '../src/redirect/password.ts'
import { atEnd } from './at-end.ts'
import { databases } from './databases.ts'
import { type Cluster, freePort, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { type Answer, serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const TARGET = 'https://target.example/page?mine=1'
const BROWSER = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
}
const CURL = { accept: '*/*', 'user-agent': 'curl/8.14.1' }
const JSON_ONLY = { accept: 'application/json', 'user-agent': 'okhttp/4.12.0' }
const BOT = { accept: '*/*', 'user-agent': 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)' }
const PREFETCH = { ...BROWSER, 'sec-purpose': 'prefetch;prerender' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

let server: TestServer
beforeAll(async () => {
  server = await serveOn(databases.at(-1)!, { RATE_SIGN_IN: 'off' })
})
afterAll(() => server.stop())

async function make(body: Record<string, unknown>, on = server): Promise<string> {
  const { status, body: link, text } = await on.post('/urls', { original_url: TARGET, ...body })
  expect([status, text]).toEqual([201, expect.any(String)])
  return link.short_code
}

const PASSWORD = { password: 'Größe & Co=1 %+' }
const RIGHT = new URLSearchParams({ password: PASSWORD.password }).toString()
const LOCKED = { title: 'This link needs a password', form: true }
const WRONG = { title: 'Wrong password', form: true }
const PRESS = { title: 'Continue to target.example?', form: true }
const NEUTRAL = { title: 'Open this link', form: true }

type Row = {
  name: string
  link: Record<string, unknown>
  method?: string
  path?: (code: string) => string
  headers?: Record<string, string>
  body?: string
  status: number
  page?: { title: string; form: boolean }
  error?: string
  location?: string
  clicks?: number
  bots?: number
}

const visits: Row[] = [
  // a password
  { name: 'a browser gets the form', link: PASSWORD, headers: BROWSER, status: 200, page: LOCKED },
  { name: 'a program gets 401', link: PASSWORD, headers: CURL, status: 401, error: 'Authorization: Basic' },
  { name: 'a chat gets 401', link: PASSWORD, headers: BOT, status: 401, error: 'Authorization: Basic' },
  { name: 'HEAD gets no target', link: PASSWORD, method: 'HEAD', headers: BROWSER, status: 200 },
  { name: 'HEAD of a program', link: PASSWORD, method: 'HEAD', headers: CURL, status: 401 },
  { name: 'a prefetch is refused', link: PASSWORD, headers: PREFETCH, status: 503 },
  {
    name: 'the right one redirects',
    link: PASSWORD,
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: RIGHT,
    status: 303,
    location: TARGET,
    clicks: 1,
  },
  {
    name: 'a wrong one gets the form again',
    link: PASSWORD,
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: 'password=no',
    status: 403,
    page: WRONG,
  },
  {
    name: 'a wrong one of a program',
    link: PASSWORD,
    method: 'POST',
    headers: { ...JSON_ONLY, ...FORM },
    body: 'password=no',
    status: 403,
    error: 'wrong password',
  },
  {
    name: 'none gets the form',
    link: PASSWORD,
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: 'password=',
    status: 200,
    page: LOCKED,
  },
  {
    name: 'one of 10,000 characters is too large',
    link: PASSWORD,
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: `password=${'x'.repeat(10_000)}`,
    status: 413,
    page: { title: 'That did not work', form: false },
  },
  {
    name: 'one of 300 characters is wrong',
    link: PASSWORD,
    method: 'POST',
    headers: { ...JSON_ONLY, ...FORM },
    body: `password=${'x'.repeat(300)}`,
    status: 403,
    error: 'wrong password',
  },
  {
    name: 'JSON is no form',
    link: PASSWORD,
    method: 'POST',
    headers: { ...JSON_ONLY, 'content-type': 'application/json' },
    body: '{"password":"x"}',
    status: 415,
    error: 'application/x-www-form-urlencoded',
  },
  {
    name: 'a form of another site is not taken',
    link: PASSWORD,
    method: 'POST',
    headers: { ...BROWSER, ...FORM, 'sec-fetch-site': 'cross-site' },
    body: RIGHT,
    status: 200,
    page: LOCKED,
  },
  {
    name: 'Basic with any user name',
    link: PASSWORD,
    headers: { ...CURL, ...basic(`anyone:${PASSWORD.password}`) },
    status: 302,
    location: TARGET,
    clicks: 1,
    bots: 1,
  },
  {
    name: 'Basic without a user name',
    link: PASSWORD,
    headers: { ...CURL, ...basic(`:${PASSWORD.password}`) },
    status: 302,
    location: TARGET,
    clicks: 1,
    bots: 1,
  },
  {
    name: 'Basic with HEAD',
    link: PASSWORD,
    method: 'HEAD',
    headers: { ...CURL, ...basic(`:${PASSWORD.password}`) },
    status: 302,
    location: TARGET,
  },
  { name: 'a wrong one by Basic', link: PASSWORD, headers: { ...CURL, ...basic('a:no') }, status: 401, error: 'wrong password' },
  { name: 'Basic without base64', link: PASSWORD, headers: { ...CURL, authorization: 'Basic ???' }, status: 401, error: 'needs' },
  { name: 'a Bearer token', link: PASSWORD, headers: { ...CURL, authorization: 'Bearer xyz' }, status: 401, error: 'needs' },
  {
    name: 'the query stays in the address of the form',
    link: { ...PASSWORD, forward_query: 'add' },
    method: 'POST',
    path: (code) => `/${code}?theirs=2&mine=3`,
    headers: { ...BROWSER, ...FORM },
    body: RIGHT,
    status: 303,
    location: `${TARGET}&theirs=2`,
    clicks: 1,
  },
  {
    name: 'the path below the code, too',
    link: { ...PASSWORD, forward_path: true },
    method: 'POST',
    path: (code) => `/${code}/rest/of?x`,
    headers: { ...BROWSER, ...FORM },
    body: RIGHT,
    status: 303,
    location: 'https://target.example/page/rest/of?mine=1',
    clicks: 1,
  },
  {
    name: 'a path that is not forwarded',
    link: PASSWORD,
    method: 'POST',
    path: (code) => `/${code}/rest`,
    headers: { ...JSON_ONLY, ...FORM },
    body: RIGHT,
    status: 404,
    error: 'Not found',
  },
  ...['/CODE/', '/CODE.', '/urls/CODE', '/urls/CODE/redirect'].flatMap((path): Row[] => [
    { name: `the page at ${path}`, link: PASSWORD, path: at(path), headers: BROWSER, status: 200, page: LOCKED },
    {
      name: `its form at ${path}`,
      link: PASSWORD,
      method: 'POST',
      path: at(path),
      headers: { ...BROWSER, ...FORM },
      body: RIGHT,
      status: 303,
      location: TARGET,
      clicks: 1,
    },
  ]),
  { name: 'its preview hides the target', link: PASSWORD, path: (code) => `/${code}+`, headers: JSON_ONLY, status: 200 },

  // a button
  { name: 'a browser gets the button', link: { confirm: true }, headers: BROWSER, status: 200, page: PRESS },
  { name: 'a chat gets neither button nor host', link: { confirm: true }, headers: BOT, status: 200, page: NEUTRAL },
  { name: 'HEAD of a button', link: { confirm: true }, method: 'HEAD', headers: BROWSER, status: 200 },
  { name: 'a prefetch of a button', link: { confirm: true }, headers: PREFETCH, status: 503 },
  {
    name: 'the button redirects',
    link: { confirm: true },
    method: 'POST',
    headers: { ...BROWSER, ...FORM, 'sec-fetch-site': 'same-origin' },
    body: '',
    status: 303,
    location: TARGET,
    clicks: 1,
  },
  {
    name: 'a POST of a program is a press',
    link: { confirm: true },
    method: 'POST',
    headers: CURL,
    status: 303,
    location: TARGET,
    clicks: 1,
    bots: 1,
  },
  {
    name: 'another site cannot press it',
    link: { confirm: true },
    method: 'POST',
    headers: { ...BROWSER, ...FORM, 'sec-fetch-site': 'same-site' },
    body: '',
    status: 200,
    page: PRESS,
  },
  { name: 'a password is the button, too', link: { ...PASSWORD, confirm: true }, headers: BROWSER, status: 200, page: LOCKED },
  {
    name: 'and one POST is enough',
    link: { ...PASSWORD, confirm: true },
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: RIGHT,
    status: 303,
    location: TARGET,
    clicks: 1,
  },

  // limited clicks
  { name: 'a chat does not spend a click', link: { max_clicks: 5 }, headers: BOT, status: 200, page: NEUTRAL },
  { name: 'HEAD does not spend a click', link: { max_clicks: 5 }, method: 'HEAD', headers: BROWSER, status: 200 },
  { name: 'a prefetch does not spend a click', link: { max_clicks: 5 }, headers: PREFETCH, status: 503 },
  { name: 'a visitor does', link: { max_clicks: 5 }, headers: BROWSER, status: 302, location: TARGET, clicks: 1 },
  {
    name: 'somebody who was taken for a program presses the button',
    link: { max_clicks: 5 },
    method: 'POST',
    headers: { ...BROWSER, ...FORM, 'user-agent': '' },
    body: '',
    status: 303,
    location: TARGET,
    clicks: 1,
    bots: 1,
  },
  {
    name: 'HEAD with the right password does not',
    link: { ...PASSWORD, max_clicks: 5 },
    method: 'HEAD',
    headers: { ...CURL, ...basic(`:${PASSWORD.password}`) },
    status: 200,
  },
  {
    name: 'a program with the right password does',
    link: { ...PASSWORD, max_clicks: 5 },
    headers: { ...CURL, ...basic(`:${PASSWORD.password}`) },
    status: 302,
    location: TARGET,
    clicks: 1,
    bots: 1,
  },

  // when the link leads elsewhere
  {
    name: 'an inactive link has no form',
    link: { ...PASSWORD, is_active: false },
    method: 'POST',
    headers: { ...JSON_ONLY, ...FORM },
    body: RIGHT,
    status: 405,
    error: 'not allowed',
  },
  {
    name: 'one that is not valid yet is not found, whatever is sent',
    link: { ...PASSWORD, valid_from: '2100-01-01T00:00:00Z' },
    method: 'POST',
    headers: { ...BROWSER, ...FORM },
    body: RIGHT,
    status: 404,
    page: { title: 'This link leads nowhere', form: false },
  },
  { name: 'a plain link takes no POST', link: {}, method: 'POST', headers: CURL, status: 405, error: 'not allowed' },
]

function at(path: string) {
  return (code: string) => path.replace('CODE', code)
}

const titleOf = ({ text }: Answer) => /<h1><bdi>(.*?)<\/bdi><\/h1>/.exec(text)?.[1]

describe('a visit', () => {
  test.each(visits)('$name', async (row) => {
    const code = await make(row.link)
    const path = row.path?.(code) ?? `/${code}`
    const answer = await server.call(row.method ?? 'GET', path, row.body, row.headers)
    const { headers } = answer
    expect([answer.status, headers.get('location')]).toEqual([row.status, row.location ?? null])
    if (row.page || row.location) expect(headers.get('cache-control')).toContain('no-store')
    expect(headers.get('set-cookie')).toBeNull()
    if (row.location === undefined) expect(answer.text).not.toContain('/page')
    if (row.page !== PRESS) expect(answer.text).not.toContain('target.example')
    if (row.page) {
      expect({ title: titleOf(answer), form: answer.text.includes('<form method="post">') }).toEqual(row.page)
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(headers.get('content-security-policy')).toStartWith("default-src 'none'; style-src 'sha256-")
      expect(answer.text).toContain('<meta name="robots" content="noindex">')
      expect(headers.get('www-authenticate')).toBeNull() // a browser would ask for a user name
    }
    if (row.error) expect(answer.body.error).toContain(row.error)
    if (answer.status === 401) expect(headers.get('www-authenticate')).toStartWith('Basic realm=')
    const { body: stats } = await server.settled(`/urls/${code}/stats`)
    expect({ clicks: stats.clicks, bots: stats.bots }).toEqual({ clicks: row.clicks ?? 0, bots: row.bots ?? 0 })
    const { max_clicks } = row.link
    if (typeof max_clicks === 'number') {
      const { body: link } = await server.get(`/urls/${stats.id}`)
      expect(link.clicks_left).toBe(max_clicks - (row.clicks ?? 0))
    }
  })

  test('of an expired link leads to its new target, also by its form', async () => {
    const code = await make({
      ...PASSWORD,
      expired_url: 'https://over.example/',
      valid_until: new Date(Date.now() + 300).toISOString(),
    })
    await until('it expired', async () => (await server.get(`/${code}`, BROWSER)).status === 302)
    const form = await server.call('POST', `/${code}`, RIGHT, { ...BROWSER, ...FORM })
    expect([form.status, form.headers.get('location')]).toEqual([303, 'https://over.example/'])
  })

  test('is in the metrics', async () => {
    const { text } = await server.get('/metrics')
    expect(text).toMatch(/\nwaypost_redirects_total\{result="page"\} [1-9]/)
    for (const labels of ['method="GET",route="/:code",status="200"', 'method="POST",route="/:code",status="303"'])
      expect(text).toContain(`waypost_http_requests_total{${labels}}`)
    expect(text).not.toContain('status="503"') // a refused prefetch is no failure
  })

  test('by bcrypt, as Kutt has it', async () => {
    const code = await make(PASSWORD)
    const hash = await Bun.password.hash('an old one', { algorithm: 'bcrypt', cost: 4 })
    await server.database.run((sql) => sql`update urls set password = ${hash} where short_code = ${code}`)
    const enter = async (password: string) =>
      (await server.call('POST', `/${code}`, `password=${password}`, { ...CURL, ...FORM })).status
    await until('the change is known', async () => (await enter('an+old+one')) === 303)
    expect(await enter('another')).toBe(403)
  })

  test('of a link with an invalid hash leads nowhere', async () => {
    const code = await make(PASSWORD)
    await server.database.run((sql) => sql`update urls set password = 'in clear' where short_code = ${code}`)
    await until('the change is known', async () => (await server.get(`/${code}`, BROWSER)).status === 404)
  })
})

describe('wrong passwords', () => {
  let limited: TestServer
  const enter = async (code: string, password: string, from: string, headers: Record<string, string> = CURL) =>
    limited.call('POST', `/${code}`, `password=${password}`, { ...headers, ...FORM, 'x-forwarded-for': from })
  beforeAll(async () => {
    const settings = { TRUSTED_PROXIES: '1', ADMIN_TOKEN: 'an-operators-long-token', RATE_SIGN_IN: '3/day' }
    limited = await serveOn(databases.at(-1)!, settings)
  })
  afterAll(() => limited.stop())

  test('are limited per link and address, and then the right one is not compared either', async () => {
    const [one, other] = [await make({ password: 'a' }, limited), await make({ password: 'a' }, limited)]
    const statuses = (code: string, from: string, passwords: string[]) =>
      Promise.all(passwords.map(async (password) => (await enter(code, password, from)).status))
    expect((await statuses(one, '192.0.2.1', ['b', 'c', 'd', 'e', 'f'])).sort()).toEqual([403, 403, 403, 429, 429])
    const refused = await enter(one, 'a', '192.0.2.1')
    expect([refused.status, refused.body.error]).toEqual([
      429,
      expect.stringMatching(/^too many wrong passwords: try again in \d+ s$/),
    ])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await limited.get(`/${one}`, { ...CURL, ...basic(':a'), 'x-forwarded-for': '192.0.2.1' })).status).toBe(429)
    const page = await enter(one, 'a', '192.0.2.1', BROWSER)
    expect([page.status, titleOf(page)]).toEqual([429, 'Too many requests'])
    expect((await enter(one, 'a', '192.0.2.2')).status).toBe(303)
    expect((await enter(other, 'a', '192.0.2.1')).status).toBe(303)
    expect((await limited.get('/urls')).status).toBe(200) // signing in is another limit
    expect((await limited.get('/metrics')).text).toContain('waypost_rate_limited_total{limit="password"} 5\n')
  })

  test('that are right are never too many', async () => {
    const code = await make({ password: 'a' }, limited)
    for (let i = 0; i < 8; i++) expect((await enter(code, 'a', '192.0.2.3')).status).toBe(303)
  })

  test('in a flood on one link leave room for other links, and for redirects', async () => {
    const [flooded, other, plain] = [
      await make({ password: 'a' }, limited),
      await make({ password: 'a' }, limited),
      await make({}, limited),
    ]
    const flood = Promise.all(Array.from({ length: 60 }, async (_, i) => (await enter(flooded, 'no', `198.51.100.${i}`)).status))
    const calm = await enter(other, 'a', '192.0.2.4')
    expect((await limited.get(`/${plain}`)).status).toBe(302)
    expect(calm.status).toBe(303)
    const statuses = await flood
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status === 403).length).toBeGreaterThanOrEqual(AT_ONCE)
    expect(new Set(statuses)).toEqual(new Set([403, 429]))
  })

  test('and a POST do not find out codes', async () => {
    const from = { ...CURL, ...FORM, authorization: '', 'x-forwarded-for': '203.0.113.9' }
    const statuses: number[] = []
    for (let i = 0; i < 70; i++) statuses.push((await limited.call('POST', `/guess-${i}`, 'password=x', from)).status)
    expect(new Set(statuses)).toEqual(new Set([405, 429]))
  })
})

const external = serverBinaries() !== undefined
const valkey = Bun.which('valkey-server') ?? Bun.which('redis-server')
if (!external) console.warn('SKIPPED: links with pages while the database is stopped (PostgreSQL is not installed)')
else if (!valkey) console.warn('SKIPPED: links with pages from Valkey (no valkey-server or redis-server)')

describe.skipIf(!external)('with the database stopped, all of it works', () => {
  let cluster: Cluster
  let url: string
  let one: TestServer
  let codes: Record<'password' | 'confirm' | 'card' | 'indexed' | 'plain', string>
  const serve = (settings: Record<string, string>, DATA_DIR = temporaryFolder()) =>
    serveOn(
      { ...databases.at(-1)!, settings: async () => ({ DATA_DIR, DATABASE_URL: url }) },
      { AUTH: 'off', NOINDEX: 'on', ...settings },
    )
  const begin = async (settings: Record<string, string>) => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    one = await serve(settings)
    codes = {
      password: await make(PASSWORD, one),
      confirm: await make({ confirm: true }, one),
      card: await make({ card: { title: 'A card' } }, one),
      indexed: await make({ noindex: false }, one),
      plain: await make({}, one),
    }
    await walk(one)
  }
  const stop = async () => {
    await cluster.control!.stop()
    await until('the outage is noticed', async () => (await one.get('/ready')).body.status === 'degraded')
  }
  afterEach(async () => {
    await one.stop()
    await cluster.end()
  })

  async function walk(server: TestServer) {
    const post = async (code: string, body: string) => {
      const { status, headers } = await server.call('POST', `/${code}`, body, { ...BROWSER, ...FORM })
      return [status, headers.get('location')]
    }
    expect(await post(codes.password, 'password=no')).toEqual([403, null])
    expect(await post(codes.password, RIGHT)).toEqual([303, TARGET])
    expect(titleOf(await server.get(`/${codes.password}`, BROWSER))).toBe(LOCKED.title)
    expect(await post(codes.confirm, '')).toEqual([303, TARGET])
    expect(titleOf(await server.get(`/${codes.confirm}`, BROWSER))).toBe(PRESS.title)
    expect(titleOf(await server.get(`/${codes.confirm}`, BOT))).toBe(NEUTRAL.title)
    expect((await server.get(`/${codes.confirm}`, PREFETCH)).status).toBe(503)
    expect((await server.get(`/${codes.card}`, BOT)).text).toContain('<meta property="og:title" content="A card">')
    expect((await server.get(`/${codes.card}`, BROWSER)).headers.get('location')).toBe(TARGET)
    const robots = async (code: string) => (await server.get(`/${code}`, BROWSER)).headers.get('x-robots-tag')
    expect([await robots(codes.plain), await robots(codes.indexed)]).toEqual(['noindex', null])
  }

  test('also after a restart', async () => {
    await begin({})
    await stop()
    await walk(one)
    const { DATA_DIR } = one.config
    await one.stop()
    one = await serve({}, DATA_DIR)
    await walk(one)
  })

  test.skipIf(!valkey)('also on a replica that has it from Valkey', async () => {
    const port = await freePort()
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', temporaryFolder()]
    const child = Bun.spawn([valkey!, ...options], { stdout: 'ignore', stderr: 'ignore' })
    atEnd(() => child.kill('SIGKILL'))
    const settings = { SECOND_TIER: 'valkey', REDIS_URL: `redis://127.0.0.1:${port}` }
    await begin(settings)
    const two = await serve(settings)
    try {
      const isUp = async (server: TestServer) => (await server.get('/metrics')).text.includes('\nwaypost_shared_cache_up 1\n')
      for (const server of [one, two]) await until('Valkey is used', () => isUp(server))
      await until('Valkey has them', async () => {
        for (const code of Object.values(codes)) await one.get(`/${code}`)
        const client = new Bun.RedisClient(settings.REDIS_URL, { autoReconnect: false })
        const keys = (await client.send('KEYS', ['waypost:*'])) as string[]
        client.close()
        return Object.values(codes).every((code) => keys.some((key) => key.endsWith(`:${code}`)))
      })
      await stop()
      await until('two knows of the outage', async () => (await two.get('/ready')).body.status === 'degraded')
      await walk(two)
    } finally {
      await two.stop()
      child.kill('SIGKILL')
    }
  })
})
