// What replicas decide by while the database is unreachable, and how soon they apply a change. On a real PostgreSQL, stopped for real.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import postgres from 'postgres'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

if (!serverBinaries()) console.warn('SKIPPED: the policy (PostgreSQL is not installed)')

describe.skipIf(!serverBinaries())('the policy', () => {
  let cluster: Cluster
  let url: string
  const folders = { a: temporaryFolder(), b: temporaryFolder() }
  let a: TestServer
  let b: TestServer
  const keys: Record<string, { id: number; key: string }> = {}

  const start = (DATA_DIR: string, settings: Record<string, string> = {}) =>
    serveOn(
      { name: 'external', settings: async () => ({ DATA_DIR, DATABASE_URL: url }), open: () => Promise.reject() },
      { ...UNLIMITED, ...settings },
    )
  const policyFile = (folder: string) => join(folder, 'replicas', '0', 'policy.json')
  const statusOn = async (server: TestServer, key: string, path = '/urls') => (await server.get(path, bearer(key))).status
  const admin = () => bearer(keys.admin!.key)
  const make = async (name: string, scope: string, user_id?: number, only_tag?: string) => {
    const headers = keys.admin ? admin() : {}
    keys[name] = (await a.post('/api/keys', { name, scope, user_id, only_tag }, headers)).body
    return keys[name]!
  }
  const stopped = async () => {
    await cluster.control!.stop('immediate')
    for (const server of [a, b]) await until('the stop is noticed', async () => (await statusOn(server, keys.read!.key)) === 503)
  }
  const started = async () => {
    await cluster.control!.start()
    for (const server of [a, b])
      await until('the return is noticed', async () => (await statusOn(server, keys.read!.key)) === 200)
  }

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    ;[a, b] = [await start(folders.a), await start(folders.b)]
    await make('admin', 'admin')
    await until('the key holds on the other replica', async () => (await statusOn(b, keys.admin!.key)) === 200)
    const user = (await a.post('/users', { username: 'ada', email: 'ada@example.com' }, admin())).body
    await make('read', 'read')
    await make('metrics', 'metrics')
    await make('bound', 'read', user.id)
    await make('tagged', 'read', undefined, 'a tag')
    await until('all keys hold', async () => (await statusOn(b, keys.tagged!.key)) === 200)
  })
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()])
    await cluster.end()
  })

  test('open mode ended on the replica where no key was made, too', async () => {
    await until('it has heard of the first key', async () => (await b.get('/urls')).status === 401)
  })

  test('a key created on one replica works on the other within a second, and is refused within a second of its revocation', async () => {
    for (let round = 0; round < 5; round++) {
      const { id, key } = await make(`round ${round}`, 'read')
      await until('the key holds', async () => (await statusOn(b, key)) === 200)
      expect((await a.call('DELETE', `/api/keys/${id}`, undefined, admin())).status).toBe(204)
      await until('the key is refused', async () => (await statusOn(b, key)) === 401)
    }
  })

  test('a key revoked by hand in the database is refused within a second', async () => {
    const { id, key } = await make('by hand', 'read')
    const sql = postgres(url, { max: 1 })
    await sql`update api_keys set revoked_at = now() where id = ${id}`
    for (const server of [a, b]) await until('the key is refused', async () => (await statusOn(server, key)) === 401)
    await sql.end()
  })

  test('sessions end everywhere within a second', async () => {
    const signIn = async (server: TestServer) => {
      const { status, headers } = await server.post('/api/session', { token: keys.read!.key })
      expect(status).toBe(201)
      return { cookie: headers.get('set-cookie')!.split(';')[0]! }
    }
    const cookie = await signIn(a)
    expect([(await a.get('/urls', cookie)).status, (await b.get('/urls', cookie)).status]).toEqual([200, 200]) // every replica knows it
    expect((await b.call('DELETE', '/api/sessions', undefined, admin())).status).toBe(204)
    expect((await b.get('/urls', cookie)).status).toBe(401)
    await until('the session ends', async () => (await a.get('/urls', cookie)).status === 401)
    expect((await a.get('/urls', await signIn(b))).status).toBe(200)
    expect(await statusOn(a, keys.read!.key)).toBe(200)
    const events = await a.get('/events?event_type=signed_out_everywhere', admin())
    expect(events.body).toMatchObject([{ details: { by: 'key', key_name: 'admin' } }])
  })

  test('keys stay valid while the database is unreachable, with the same rights', async () => {
    await stopped()
    for (const server of [a, b]) {
      expect(await statusOn(server, keys.read!.key, '/alert-status')).toBe(200)
      expect(await statusOn(server, keys.metrics!.key, '/metrics')).toBe(200)
      expect(await statusOn(server, keys.metrics!.key, '/alert-status')).toBe(403)
      expect(await statusOn(server, keys.bound!.key, '/alert-status')).toBe(403)
      expect(await statusOn(server, keys.tagged!.key, '/alert-status')).toBe(403)
      expect(await statusOn(server, keys['round 0']!.key, '/alert-status')).toBe(401) // revoked
      expect(await statusOn(server, `${keys.read!.key.slice(0, -2)}xx`, '/alert-status')).toBe(401)
      expect((await server.get('/alert-status')).status).toBe(401)
      expect((await server.post('/urls', { original_url: 'https://example.com' }, bearer(keys.read!.key))).status).toBe(403)
      const { status, headers } = await server.post('/api/session', { token: keys.read!.key })
      expect(status).toBe(201)
      expect((await server.get('/alert-status', { cookie: headers.get('set-cookie')!.split(';')[0]! })).status).toBe(200)
    }
    await started()
  })

  test('is in a file that its owner alone may read, without a key in it', async () => {
    expect(statSync(policyFile(folders.b)).mode & 0o777).toBe(0o600)
    const text = readFileSync(policyFile(folders.b), 'utf8')
    for (const { key } of Object.values(keys)) expect(text).not.toContain(key.slice(11))
  })

  test('survives a restart with the database unreachable, which does not open the server', async () => {
    await stopped()
    await b.stop()
    b = await start(folders.b)
    expect(await statusOn(b, keys.read!.key, '/alert-status')).toBe(200)
    expect(await statusOn(b, keys.tagged!.key, '/alert-status')).toBe(403)
    expect(await statusOn(b, keys.read!.key)).toBe(503)
    expect((await b.get('/alert-status')).status).toBe(401)
    await started()
    const { id, key } = await make('after the return', 'read')
    await until('the key holds', async () => (await statusOn(b, key)) === 200)
    await a.call('DELETE', `/api/keys/${id}`, undefined, admin())
    await until('the key is refused', async () => (await statusOn(b, key)) === 401)
  })

  test('that is not known yet opens nothing: not without a key, not with one', async () => {
    await stopped()
    const folder = temporaryFolder()
    const fresh = await start(folder)
    for (const headers of [{}, bearer(keys.admin!.key)]) expect((await fresh.get('/alert-status', headers)).status).toBe(503)
    expect((await fresh.get('/health')).status).toBe(200)
    expect((await fresh.post('/api/session', { token: keys.admin!.key })).status).toBe(503)
    const withToken = await start(temporaryFolder(), { ADMIN_TOKEN: 'an-operators-long-token' })
    expect((await withToken.get('/alert-status')).status).toBe(200) // the admin token always works
    expect((await withToken.post('/api/session', { token: 'an-operators-long-token' })).status).toBe(503)
    await started()
    await until('the policy is known', async () => (await statusOn(fresh, keys.read!.key)) === 200)
    expect((await fresh.get('/alert-status')).status).toBe(401)
    await Promise.all([fresh.stop(), withToken.stop()])
  })

  const damages: [string, (text: string) => string | undefined][] = [
    ['cut off', (text) => text.slice(0, 100)],
    ['of another shape', () => '{"keyed": false}'],
    ['empty', () => ''],
    ['changed in one place', (text) => text.replace('"keyed":true', '"keyed":false')],
    ['of the next release', (text) => text.replace('"format":1', '"format":2').replace('"keyed":true', '"keyed":false')],
    ['a folder', () => undefined],
  ]

  test('opens nothing in a file that is damaged or of another release, and is read from one of release 0.1.0', async () => {
    const folder = temporaryFolder()
    await (await start(folder)).stop()
    const whole = readFileSync(policyFile(folder), 'utf8')
    const { kept, ...policy } = JSON.parse(whole)
    expect(kept).toMatchObject({ file: 'policy', format: 1 })
    const place = (content: string | undefined) => {
      const file = policyFile(temporaryFolder())
      mkdirSync(content === undefined ? file : dirname(file), { recursive: true })
      if (content !== undefined) writeFileSync(file, content)
      return dirname(dirname(dirname(file)))
    }
    await stopped()
    const former = start(place(JSON.stringify(policy)))
    const damaged = await Promise.all(damages.map(([, damage]) => start(place(damage(whole)))))
    expect(await statusOn(await former, keys.read!.key, '/alert-status')).toBe(200)
    for (const [i, server] of damaged.entries()) {
      const { status } = await server.get('/alert-status')
      expect([damages[i]![0], status]).toEqual([damages[i]![0], 503])
      const lines = server.ring.read({ limit: 1000, filter: 'policy.json' })
      expect(lines).toMatchObject([{ level: 'error', kept_as: expect.stringContaining('policy.json.') }])
    }
    await started()
    for (const server of damaged) {
      await until('it is made good', async () => (await statusOn(server, keys.read!.key)) === 200)
      await server.stop()
      expect(JSON.parse(readFileSync(policyFile(server.config.DATA_DIR), 'utf8')).keyed).toBe(true)
    }
    await (await former).stop()
  })
})
