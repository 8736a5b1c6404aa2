// What must never be logged or told: tokens, cookies, whole addresses, query strings of ours and of targets, passwords, values in
// PostgreSQL's errors. Everything is sent to a real server at LOG_LEVEL=debug, then all that it said is searched.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { errorForLog } from '../src/telemetry/log-error.ts'
import { runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { UNLIMITED } from './server.ts'
import { exchange } from './wire.ts'

/** Each is found nowhere else. */
const SECRETS = {
  adminToken: 'adm1n-token-5ecret-aa01',
  wrongToken: 'wr0ng-token-5ecret-aa02',
  apiKey: 'wp_k3y5ecretaa03k3y5ecretaa03k3y5ecretaa03k3y',
  chaosToken: 'cha0s-5ecret-aa04',
  wrongChaosToken: 'cha0s-5ecret-aa05',
  cookie: 'c00kie-5ecret-aa06',
  query: 'qu3ry-5ecret-aa07',
  target: 'targ3t-5ecret-aa08',
  referer: 'ref3rer-5ecret-aa09',
  userAgent: 'ag3nt-5ecret-aa10',
  body: 'b0dy-5ecret-aa11',
  username: 'us3rname-5ecret-aa12',
  databasePassword: 'dbpa55word-5ecret-aa13',
  valkeyPassword: 'valk3y-5ecret-aa14',
  linkPassword: 'l1nk-5ecret-aa15',
  ipv4: '203.0.113.177',
  ipv6: '2001:db8:77:88:99aa:bbcc:ddee:ff01',
  ipv6Forwarded: '2001:db8:77:88:1:2:3:4',
}
const S = SECRETS

const found = (text: string) =>
  Object.entries(SECRETS)
    .filter(([, secret]) =>
      [secret, encodeURIComponent(secret), btoa(`${SECRETS.username}:${secret}`)].some((one) => text.includes(one)),
    )
    .map(([name]) => name)

describe.each(databases)('on the $name database', (kind) => {
  let server: Awaited<ReturnType<typeof startChild>>
  let databaseUrl: string | undefined
  const said = join(temporaryFolder(), 'said')
  const told: string[] = [] // bodies of errors
  const operator = { authorization: `Bearer ${S.adminToken}`, 'content-type': 'application/json' }

  /** A visitor whom the database kept waiting, as it may on a machine that is busy with other tests, comes again. */
  async function send(method: string, path: string, headers: Record<string, string> = operator, body?: unknown): Promise<number> {
    const response = await fetch(server.base + path, {
      method,
      headers: {
        cookie: `waypost=${S.cookie}; other=${S.cookie}`,
        referer: `https://ref.example/page?token=${S.referer}`,
        'user-agent': `Mozilla/5.0 (${S.userAgent})`,
        'x-forwarded-for': `198.51.100.1, ${S.ipv4}`,
        'x-real-ip': S.ipv6,
        forwarded: `for="[${S.ipv6Forwarded}]"`,
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      redirect: 'manual',
    })
    const text = await response.text()
    if (response.status >= 400) told.push(text)
    return response.status === 503 && method === 'GET' ? send(method, path, headers) : response.status
  }

  beforeAll(async () => {
    const settings = await kind.settings()
    if (settings.DATABASE_URL) {
      databaseUrl = settings.DATABASE_URL
      const url = new URL(databaseUrl)
      url.password ||= S.databasePassword // a cluster of our own trusts everybody
      settings.DATABASE_URL = url.href
    }
    server = await startChild(
      {
        ...settings,
        ADMIN_TOKEN: S.adminToken,
        ...UNLIMITED,
        CHAOS_TOKEN: S.chaosToken,
        LOG_LEVEL: 'debug',
        TRUSTED_PROXIES: '1',
        SECOND_TIER: 'valkey',
        REDIS_URL: `redis://:${S.valkeyPassword}@127.0.0.1:1`,
      },
      'ready',
      said,
    )
  })
  afterAll(() => server.kill('SIGKILL'))

  const target = `https://target.example/reset?token=${S.target}#${S.target}`

  test('requests of every kind', async () => {
    expect(await send('POST', '/urls', operator, { original_url: target, short_code: 'known', title: S.body })).toBe(201)
    expect(await send('POST', '/shorten', operator, { url: target })).toBe(201)
    expect(await send('GET', '/known', {})).toBe(302)
    expect(await send('GET', `/known?token=${S.query}`, { 'x-forwarded-for': S.ipv6 })).toBe(302)
    expect(await send('GET', '/known+', {})).toBe(200)
    expect(await send('GET', '/known+', { accept: 'text/html' })).toBe(200)
    expect(await send('GET', `/nowhere?token=${S.query}`, { accept: 'text/html' })).toBe(404)
    const locked = { original_url: target, short_code: 'locked', password: S.linkPassword }
    expect(await send('POST', '/urls', operator, locked)).toBe(201)
    const typed = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await send('POST', `/locked?token=${S.query}`, typed, `password=${S.linkPassword}`)).toBe(303)
    expect(await send('POST', `/locked?token=${S.query}`, typed, `password=${S.linkPassword}x`)).toBe(403)
    const basic = (password: string) => ({ authorization: `Basic ${btoa(`${S.username}:${password}`)}` })
    expect(await send('GET', '/locked', basic(S.linkPassword))).toBe(302)
    expect(await send('GET', '/locked', basic(`${S.linkPassword}x`))).toBe(401)
    expect(await send('GET', `/urls?q=${S.query}&token=${S.query}`)).toBe(200)
    expect(await send('GET', `/logs?filter=${S.query}`)).toBe(200)
    expect(await send('GET', `/logs?level=${S.query}`)).toBe(400)
    expect(await send('GET', `/urls/known/stats?timezone=${S.query}&from=${S.query}`)).toBe(400)
    expect(await send('GET', `/users?page=1&cursor=${S.query}`)).toBe(400)
    for (const authorization of [S.wrongToken, S.apiKey, `${S.adminToken.slice(0, -1)}x`])
      expect(await send('GET', '/users', { authorization: `Bearer ${authorization}` })).toBe(401)
    expect(await send('GET', '/users', { authorization: `Basic ${btoa(S.wrongToken)}` })).toBe(401)
    expect(await send('POST', '/chaos', { ...operator, 'x-chaos-token': S.wrongChaosToken })).toBe(401)
    expect(await send('POST', '/chaos', { ...operator, 'x-chaos-token': S.chaosToken }, { fault: S.body })).toBe(400)
    expect(await send('POST', '/urls', { origin: `https://evil.example?${S.query}` }, {})).toBe(403)
    for (const body of [
      { original_url: `ftp://x.example/?token=${S.target}` },
      { original_url: `https://${S.body}@x.example/?token=${S.target}` },
      { original_url: `https://x y/?token=${S.target}` },
      { original_url: target, short_code: `!${S.body}` },
      { original_url: target, short_code: 'known', title: S.body },
      { original_url: target, user_id: S.body },
      { original_url: `${target}${'x'.repeat(5_000)}` },
      { original_url: `${target}\0` },
      [S.body],
      `{"original_url": "${S.target}`,
      `"${S.body}"`,
    ])
      expect(await send('POST', '/urls', operator, body)).toBeGreaterThanOrEqual(400)
    expect(await send('POST', '/users', operator, { username: S.username, email: S.body })).toBe(400)
    expect(await send('POST', '/users', operator, { username: S.username, email: `${S.body}@example.com` })).toBe(201)
    expect(await send('POST', '/users', operator, { username: S.username, email: `${S.body}@example.com` })).toBe(409)
    expect(await send('POST', '/events', operator, { event_type: 'x', details: S.body })).toBe(400)
    const form = (csv: string) =>
      `--b\r\nContent-Disposition: form-data; name="file"; filename="${S.body}"\r\n\r\n${csv}\r\n--b--`
    for (const csv of [
      `username,email\n${S.body},${S.body}`,
      `username,email\n${S.body}`,
      `${S.body}`,
      `username,email\n"${S.body}`,
    ])
      expect(
        await send('POST', '/users/bulk', { ...operator, 'content-type': 'multipart/form-data; boundary=b' }, form(csv)),
      ).toBe(400)
    expect(await send('POST', '/urls/bulk', operator, { file: `../${S.body}` })).toBe(400)
  })

  test('targets behind our own name, in every encoding', async () => {
    for (const path of [
      `/https://x.example/?token=${S.query}`,
      `/https:%2F%2Fx.example%2F%3Ftoken=${S.query}`,
      `/https%3A%2F%2Fx.example%2F%3ftoken%3D${S.query}`,
      `/go/https%253A%252F%252Fx.example%253Ftoken=${S.query}`,
    ]) {
      const { port } = new URL(server.base)
      const { status } = await exchange(
        Number(port),
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${S.adminToken}\r\n\r\n`,
      )
      expect([path, status]).toEqual([path, 404])
    }
  })

  test.skipIf(kind.name === 'embedded')('errors of PostgreSQL that quote values', async () => {
    const sql = postgres(databaseUrl!, { max: 1, onnotice: () => {} })
    try {
      await sql`alter table users add constraint refusing check (email not like 'refused%')`
      await sql`create function refuse() returns trigger language plpgsql as
        $$ begin if new.title like 'refused%' then perform new.title::int; end if; return new; end $$`
      await sql`create trigger refuse before insert on urls for each row execute function refuse()`
      expect(await send('POST', '/users', operator, { username: S.body, email: `refused-${S.body}@example.com` })).toBe(500)
      expect(await send('POST', '/urls', operator, { original_url: target, title: `refused ${S.body}` })).toBe(400)
      await sql`alter table events rename column details to elsewhere`
      expect(await send('POST', '/events', operator, { event_type: 'x', details: { token: S.body } })).toBe(503)
      await sql`alter table events rename column elsewhere to details`
    } finally {
      await sql.end()
    }
  })

  test('nothing of it was said', async () => {
    const { logs } = (await (await fetch(`${server.base}/logs?limit=200`, { headers: operator })).json()) as { logs: object[] }
    const metrics = await (await fetch(`${server.base}/metrics`, { headers: operator })).text()
    const printed = readFileSync(said, 'utf8')
    expect(logs.length).toBeGreaterThan(40)
    expect(told.length).toBeGreaterThan(25)
    expect(printed.includes('"constraint":"refusing"')).toBe(kind.name === 'external')
    expect({
      printed: found(printed),
      logs: found(JSON.stringify(logs)),
      told: found(told.join('\n')),
      metrics: found(metrics),
    }).toEqual({ printed: [], logs: [], told: [], metrics: [] })
  })
})

test('a server whose database is unreachable does not reveal its password', async () => {
  const said = join(temporaryFolder(), 'said')
  const server = await startChild(
    {
      DATA_DIR: temporaryFolder(),
      DATABASE_URL: `postgres://waypost:${S.databasePassword}@127.0.0.1:1/waypost`,
      ADMIN_TOKEN: S.adminToken,
      ...UNLIMITED,
      LOG_LEVEL: 'debug',
    },
    'degraded',
    said,
  )
  await fetch(`${server.base}/users`, { headers: { authorization: `Bearer ${S.adminToken}` } })
  server.kill('SIGTERM')
  await server.exited
  const printed = readFileSync(said, 'utf8')
  expect(printed).toContain('the database is not reachable')
  expect(found(printed)).toEqual([])
})

test.each([
  ['DATABASE_URL', `postgres://waypost:${S.databasePassword}@host:99999/waypost`],
  ['DATABASE_URL', `postgres://waypost:${S.databasePassword}%zz@host/waypost`],
  ['DATABASE_URL', `mysql://waypost:${S.databasePassword}@host/waypost`],
  ['REDIS_URL', `http://:${S.valkeyPassword}@host`],
  ['REDIS_URL', `redis://:${S.valkeyPassword}@host:99999`],
  ['ADMIN_TOKEN', S.adminToken.slice(0, 3)],
])('a %s that cannot be used is named, not repeated', async (name, value) => {
  const { code, out, err } = await runCommand(['config'], { [name]: value, DATA_DIR: temporaryFolder() })
  expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^waypost: ${name} (must|has) `))])
  expect(found(out + err)).toEqual([])
  expect(out + err).not.toContain(value)
})

test('an error keeps its values to itself, whatever hangs on it', () => {
  const error = Object.assign(new Error(`invalid input syntax for type integer: "${S.body}\n    at ${S.target}"`), {
    name: 'PostgresError',
    code: '22P02',
    detail: S.body,
    where: S.body,
    hint: S.body,
    query: S.body,
    parameters: [S.body],
    cause: Object.assign(new Error('duplicate key value'), {
      code: '23505',
      detail: `(${S.body})`,
      constraint_name: 'users_key',
    }),
  })
  const line = errorForLog(error)
  expect(found(JSON.stringify(line))).toEqual([])
  expect(line).toMatchObject({
    type: 'PostgresError',
    message: 'invalid input syntax for type integer: …',
    code: '22P02',
    cause: { code: '23505', constraint: 'users_key', message: 'duplicate key value' },
  })
  expect(line.stack).toContain('log-scan.test.ts')
})
