// A database outside that turns out empty, where links and keys are known: nothing opens, and no link vanishes, before an operator says so.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { runCommand, startChild } from './child.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

if (!serverBinaries()) console.warn('SKIPPED: an emptied database (PostgreSQL is not installed)')

describe.skipIf(!serverBinaries())('a database outside', () => {
  let cluster: Cluster
  let url: string
  let backup: string
  let code: string
  let key: string
  let id: number
  const folder = temporaryFolder()

  const serve = (DATABASE_URL: string, status: string, args: string[] = [], DATA_DIR = folder) =>
    startChild({ DATABASE_URL, DATA_DIR, LOG_LEVEL: 'fatal' }, status, undefined, args)
  type Server = Awaited<ReturnType<typeof serve>>
  const end = async (server: Server) => {
    server.kill('SIGTERM')
    await server.exited
  }
  const statusOf = async (server: Server, path: string, authorization?: string) =>
    (await fetch(server.base + path, { redirect: 'manual', headers: authorization ? { authorization } : {} })).status

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    const server = await serve(url, 'ready')
    const made = (await server.call('POST', '/urls', { original_url: 'https://example.com/known' })).body
    ;({ id, short_code: code } = made)
    key = `Bearer ${(await server.call('POST', '/api/keys', { name: 'first', scope: 'admin' })).body.key}`
    expect(await statusOf(server, `/${code}`)).toBe(302)
    await until('the copy has it', async () => (await server.call('GET', '/ready')).body.clicks.backlog === 0)
    await end(server)
    backup = join(temporaryFolder(), 'backup')
    expect((await runCommand(['backup', backup], { DATABASE_URL: url, DATA_DIR: temporaryFolder() })).code).toBe(0)
  })
  afterAll(() => cluster.end())

  test('that is another, empty one is not taken: links lead on, clicks wait, no schema is made, and the reason is said', async () => {
    const wrong = await cluster.createDatabase()
    const server = await serve(wrong, 'degraded')
    expect((await server.call('GET', '/ready')).body.reason).toBe(
      'the database is not reachable: it is empty, but this replica knows links',
    )
    for (let n = 0; n < 3; n++) expect(await statusOf(server, `/${code}`)).toBe(302)
    expect(await statusOf(server, '/urls')).toBe(401)
    expect(await statusOf(server, '/urls', key)).toBe(503)
    const lines = await (
      await fetch(`${server.base}/logs?level=error&filter=init-empty`, { headers: { authorization: key } })
    ).json()
    expect((lines as { logs: unknown[] }).logs.length).toBeGreaterThan(0)
    const sql = postgres(wrong, { max: 1, onnotice: () => {} })
    expect(await sql`select relname from pg_class where relnamespace = 'public'::regnamespace`).toHaveLength(0)

    // Restored while it waits, it is taken by itself, with the clicks that waited.
    expect((await runCommand(['restore', backup], { DATABASE_URL: wrong, DATA_DIR: temporaryFolder() })).code).toBe(0)
    await until('it is taken', async () => (await server.call('GET', '/ready')).body.status === 'ready')
    const clicks = async () =>
      ((await (await fetch(`${server.base}/urls/${id}/stats`, { headers: { authorization: key } })).json()) as { clicks: number })
        .clicks
    await until('the clicks are stored', async () => (await clicks()) === 4)
    await sql.end()
    await end(server)
  })

  test('that is emptied under a running server, without a lost connection, costs no link', async () => {
    const own = temporaryFolder()
    const there = await cluster.createDatabase()
    expect((await runCommand(['restore', backup], { DATABASE_URL: there, DATA_DIR: temporaryFolder() })).code).toBe(0)
    const server = await serve(there, 'ready', [], own)
    await until('the copy has it', async () =>
      /waypost_edge_links 1\b/.test(await (await fetch(`${server.base}/metrics`, { headers: { authorization: key } })).text()),
    )
    const sql = postgres(there, { max: 1, onnotice: () => {} })
    await sql
      .unsafe(
        'alter table urls disable trigger all; truncate urls cascade; truncate api_keys; update policy set keyed = false, version = version + 1',
      )
      .simple()
    await until('it is noticed', async () => (await server.call('GET', '/ready')).body.status === 'degraded')
    expect(await statusOf(server, `/${code}`)).toBe(302)
    expect(await statusOf(server, '/urls')).toBe(401)
    await sql.end()
    await end(server)
  })

  test('that knows of no key opens nothing where keys were known, and a key made on the machine is the way in', async () => {
    const old = await cluster.createDatabase() // as of a backup before the first key
    const sql = postgres(old, { max: 1, onnotice: () => {} })
    expect((await runCommand(['restore', backup], { DATABASE_URL: old, DATA_DIR: temporaryFolder() })).code).toBe(0)
    await sql`delete from api_keys`
    await sql`update policy set keyed = false, version = version + 1`
    const server = await serve(old, 'ready')
    expect([await statusOf(server, '/urls'), await statusOf(server, '/urls', key)]).toEqual([401, 401])
    await end(server)
    const again = await serve(old, 'ready') // it is kept
    expect(await statusOf(again, '/urls')).toBe(401)
    expect(JSON.parse(readFileSync(join(folder, 'replicas/0/policy.json'), 'utf8')).keyed).toBe(true)
    const { out } = await runCommand(['key', 'create', 'back', '--scope', 'admin'], { DATABASE_URL: old, DATA_DIR: folder })
    await until('the new key opens', async () => (await statusOf(again, '/urls', `Bearer ${out.trim()}`)) === 200)
    await sql.end()
    await end(again)
  })

  test('that is meant is begun with --init-empty: what was known is set aside, and the next start needs no word', async () => {
    const fresh = await cluster.createDatabase()
    const first = await serve(fresh, 'ready', ['--init-empty'])
    expect([await statusOf(first, `/${code}`), await statusOf(first, '/urls')]).toEqual([404, 200])
    await end(first)
    const [aside] = readdirSync(folder).filter((name) => name.startsWith('set-aside-'))
    expect(readdirSync(join(folder, aside!, 'replicas/0'))).toEqual(expect.arrayContaining(['edge.sqlite', 'policy.json']))
    const next = await serve(fresh, 'ready')
    await end(next)
    const { code: exit, err } = await runCommand(['serve', '--port', '0', '--init-empty'], {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
      DATA_DIR: folder,
    })
    expect([exit, err]).toEqual([1, expect.stringMatching(/^waypost: --init-empty: the database does not answer \([^\n]+\n$/)])
  })
})
