// API keys: made once, kept as a hash, obeyed by every replica, ended by revoking, by time or with their user.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { openKeyring } from '../src/access/keys/keyring.ts'
import { keyStore } from '../src/access/keys/store.ts'
import { openPolicy } from '../src/access/policy/policy.ts'
import { runCommand, startChild } from './child.ts'
import { anyDatabase, databases, quiet } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

describe.each(databases)('keys on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN })
  })
  afterAll(() => server.stop())

  const make = async (body: object = {}) => (await server.post('/api/keys', { name: 'a test', scope: 'read', ...body })).body
  const statusWith = async (key: string, path = '/urls') => (await server.get(path, bearer(key))).status

  test('are shown once, and kept as a hash', async () => {
    const { key, ...made } = await make({ name: 'shown once' })
    expect(key).toMatch(/^wp_[\w-]{43}$/)
    expect(made).toMatchObject({ name: 'shown once', prefix: key.slice(0, 11), scope: 'read', user_id: null, revoked_at: null })
    expect(await statusWith(key)).toBe(200)

    const listed = await server.get('/api/keys?order=desc')
    expect(listed.body[0]).toMatchObject({ id: made.id, prefix: made.prefix })
    const rows = await server.database.run(
      (sql) => sql`select k::text as row, encode(hash, 'hex') as hash from api_keys k where id = ${made.id}`,
    )
    const events = await server.get('/events?event_type=key_created&order=desc')
    for (const text of [listed.text, rows[0]!.row, events.text]) expect(text).not.toContain(key.slice(11))
    expect(rows[0]!.hash).toBe(new Bun.CryptoHasher('sha256').update(key).digest('hex'))
  })

  test('are never the same', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => make()))
    expect(new Set(made.map(({ key }) => key)).size).toBe(20)
    for (const { key } of made) expect(await statusWith(key)).toBe(200) // each as soon as it was answered
  })

  test('revoked, are refused from the answer on, and stay in the list', async () => {
    const { id, key } = await make()
    expect((await server.call('DELETE', `/api/keys/${id}`)).status).toBe(204)
    expect(await statusWith(key)).toBe(401)
    expect(
      (await server.get('/api/keys?order=desc&per_page=100')).body.find((one: { id: number }) => one.id === id).revoked_at,
    ).toBeString()
    expect((await server.call('DELETE', `/api/keys/${id}`)).status).toBe(404)
  })

  test('end at their time', async () => {
    const { key } = await make({ expires_at: new Date(Date.now() + 2_500).toISOString() })
    expect(await statusWith(key)).toBe(200)
    await until('the key ends', async () => (await statusWith(key)) === 401)
  })

  test('end with the user that they are bound to', async () => {
    const user = (await server.post('/users', { username: 'short-lived', email: 'short@example.com' })).body
    const { key } = await make({ user_id: user.id })
    expect(await statusWith(key, `/users/${user.id}`)).toBe(200)
    await server.call('DELETE', `/users/${user.id}`)
    expect(await statusWith(key)).toBe(401)
  })

  test.each([
    ['without its last character', (key: string) => key.slice(0, -1)],
    ['with another last character', (key: string) => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`],
    ['in capitals', (key: string) => key.toUpperCase()],
    ['as its prefix', (key: string) => key.slice(0, 11)],
    ['as its hash', (key: string) => new Bun.CryptoHasher('sha256').update(key).digest('hex')],
    ['twice', (key: string) => `${key}${key}`],
  ])('%s are unknown', async (_, change) => {
    const { key } = await make()
    const answer = await server.get('/urls', bearer(change(key)))
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid or expired token or key'])
  })

  test.each([
    [{}, 'name'],
    [{ name: ' ', scope: 'read' }, 'name'],
    [{ name: 'x'.repeat(101), scope: 'read' }, 'name'],
    [{ name: 'n', scope: 'root' }, 'scope'],
    [{ name: 'n', scope: 'read', user_id: 'ada' }, 'user_id'],
    [{ name: 'n', scope: 'admin', user_id: 1 }, 'scope'],
    [{ name: 'n', scope: 'metrics', user_id: 1 }, 'scope'],
    [{ name: 'n', scope: 'read', expires_at: '2020-01-01' }, 'expires_at'],
    [{ name: 'n', scope: 'read', expires_at: 'tomorrow' }, 'expires_at'],
    [{ name: 'n', scope: 'read', expires_at: '2030-02-30' }, 'expires_at'],
    [{ name: 'n', scope: 'read', expires_at: '2030-02-30T10:00:00Z' }, 'expires_at'],
    [{ name: 'n', scope: 'read', expires_at: '2030-02-28T25:00:00Z' }, 'expires_at'],
  ])('%j is refused, naming %s', async (body, field) => {
    const answer = await server.post('/api/keys', body)
    expect([answer.status, answer.body.details?.[0]?.field]).toEqual([400, field])
  })

  test.each([424_242, 2 ** 60])('for the user %d, who does not exist, are not created', async (user_id) => {
    expect((await server.post('/api/keys', { name: 'n', scope: 'read', user_id })).status).toBe(404)
  })

  test('record who created and who revoked them', async () => {
    const boss = await make({ name: 'boss', scope: 'admin' })
    const made = (await server.post('/api/keys', { name: 'audited', scope: 'write' }, bearer(boss.key))).body
    await server.call('DELETE', `/api/keys/${made.id}`)
    const last = async (type: string) => (await server.get(`/events?event_type=${type}&order=desc&per_page=1`)).body[0]
    expect(await last('key_created')).toMatchObject({
      url_id: null,
      user_id: null,
      details: {
        id: made.id,
        name: 'audited',
        prefix: made.prefix,
        scope: 'write',
        by: 'key',
        key_id: boss.id,
        key_name: 'boss',
      },
    })
    expect(await last('key_revoked')).toMatchObject({ details: { id: made.id, by: 'admin-token' } })
  })

  test('say when they were last used, as soon as they were', async () => {
    const { id, key } = await make()
    const used = async () =>
      (await server.get('/api/keys?order=desc&per_page=100')).body.find((one: { id: number }) => one.id === id).last_used_at
    expect(await used()).toBeNull()
    const before = Date.now()
    await statusWith(key)
    expect(Date.parse(await used())).toBeGreaterThanOrEqual(before)
  })

  test('are written down as used once for many uses, and at the stop', async () => {
    const database = await kind.open()
    const { log } = quiet()
    const policy = await openPolicy({ keyedBefore: false, database, folder: temporaryFolder(), log })
    const keys = keyStore(database)
    const [one, other] = [
      await keys.create({ name: 'one', scope: 'read' }, { by: 'open' }),
      await keys.create({ name: 'other', scope: 'read' }, { by: 'open' }),
    ]
    await policy.refresh()
    const version = policy.current()
    const keyring = openKeyring(database, policy, log, 50)
    const state = () =>
      database.run(
        (sql) => sql<{ id: number; at: number | null; written: string }[]>`
        select id, (extract(epoch from last_used_at) * 1000)::bigint as at, xmin::text as written from api_keys order by id`,
      )
    const [first] = await state()
    for (let use = 0; use < 1_000; use++) expect(keyring.find(one.key)?.key.id).toBe(one.id)
    await until('the use is written', async () => (await state())[0]!.at !== null)
    const [once, never] = await state()
    expect(once!.written).not.toBe(first!.written)
    expect(never!.at).toBeNull()
    await Bun.sleep(200)
    expect((await state())[0]!.written).toBe(once!.written) // nothing new, nothing written
    keyring.find(other.key)
    await keyring.stop()
    expect((await state())[1]!.at).toBeNumber()
    await policy.refresh()
    expect(policy.current()).toBe(version) // a use is no change of the policy
    await policy.stop()
    await database.close()
  })
})

describe('open mode', () => {
  test('ends with the first key, for good', async () => {
    const settings = await anyDatabase.settings()
    const kind = { ...anyDatabase, settings: async () => settings }
    const server = await serveOn(kind)
    expect((await server.get('/api/session')).body).toMatchObject({ mode: 'open', by: 'open', scope: 'admin' })
    const { id, key } = (await server.post('/api/keys', { name: 'first', scope: 'admin' })).body
    expect((await server.get('/urls')).status).toBe(401)
    expect((await server.get('/urls', bearer(key))).status).toBe(200)
    expect((await server.get('/urls', { ...bearer(key), 'x-forwarded-for': '192.0.2.1' })).status).toBe(200) // and with it what it refused
    await server.call('DELETE', `/api/keys/${id}`, undefined, bearer(key))
    expect((await server.get('/urls')).status).toBe(401)
    await server.stop()

    const again = await serveOn(kind)
    expect((await again.get('/urls')).status).toBe(401)
    await again.stop()
  })

  test('takes no key from a page of another site', async () => {
    const server = await serveOn(anyDatabase)
    for (const extra of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { host: 'evil.example' }])
      expect(
        (await server.post('/api/keys', { name: 'n', scope: 'admin' }, extra as unknown as Record<string, string>)).status,
      ).toBe(403)
    expect((await server.get('/urls')).status).toBe(200)
    await server.stop()
  })
})

describe('waypost key', () => {
  test('works on a stopped server’s database, and on a running one’s', async () => {
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const key = (...args: string[]) => runCommand(['key', ...args], { DATA_DIR })

    const made = await key('create', 'the operator', '--scope', 'admin')
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^wp_[\w-]{43}\n$/)])
    const operator = bearer(made.out.trim())

    const child = await startChild({ DATA_DIR })
    const status = async (headers: Record<string, string>) => (await fetch(`${child.base}/urls`, { headers })).status
    expect([await status({}), await status(operator)]).toEqual([401, 200])

    const second = await key('create', 'ci', '--scope', 'read', '--expires', '90d')
    const ci = bearer(second.out.trim())
    await until('the key holds', async () => (await status(ci)) === 200)

    const list = (await key('list')).out
    expect(list).toMatch(/^ID +KEY +SCOPE +USER +TAG +EXPIRES +LAST USED +STATE +NAME\n/)
    expect(list).toMatch(new RegExp(`^2 +${second.out.slice(0, 11)}… +read +- +- +\\d{4}-\\S+ +\\S+ +active +ci$`, 'm'))
    expect(list).not.toContain(second.out.trim())

    const third = await key('create', 'a team', '--scope', 'write', '--tag', ' Team ')
    expect(third.err).toContain('(write, bound to the tag Team)')
    await until('the key holds', async () => (await status(bearer(third.out.trim()))) === 200)
    expect((await key('list')).out).toMatch(/^3 .* write +- +Team +never .* a team$/m)

    expect((await key('revoke', '2')).code).toBe(0)
    await until('the key is refused', async () => (await status(ci)) === 401)
    expect((await key('list')).out).toMatch(/^2 .* revoked +ci$/m)
    child.kill('SIGTERM')
    await child.exited
  })

  test('makes no key that could not be printed', async () => {
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const full = openSync('/dev/full', 'w')
    const child = Bun.spawn([process.execPath, '--no-env-file', 'src/main.ts', 'key', 'create', 'n', '--scope', 'admin'], {
      cwd: join(import.meta.dir, '..'),
      env: { DATA_DIR },
      stdout: full,
      stderr: 'pipe',
    })
    const [code, err] = await Promise.all([child.exited, new Response(child.stderr).text()])
    closeSync(full)
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('no key was created, because it could not be printed: the disk is full'),
    ])
    expect((await runCommand(['key', 'list'], { DATA_DIR })).out.trim().split('\n')).toHaveLength(1)
  })

  test.each([
    [['create', 'n'], '--scope'],
    [['create', 'n', '--scope', 'root'], 'Allowed choices'],
    [['create', ' ', '--scope', 'read'], 'name'],
    [['create', 'n', '--scope', 'read', '--user', 'ada'], '--user'],
    [['create', 'n', '--scope', 'read', '--tag', 'a|b'], 'only_tag'],
    [['revoke', 'ci'], 'waypost key list'],
  ])('key %j fails with a sentence', async (args, said) => {
    const { code, err } = await runCommand(['key', ...args], { DATA_DIR: temporaryFolder() })
    expect([code, err]).toEqual([1, expect.stringContaining(said)])
  })
})
