// A PostgreSQL that answers and refuses changes, for real: a role that lost its rights, and a file system that is full.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chownSync, closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { causeOf } from '../src/database/causes.ts'
import { atEnd } from './at-end.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

if (!serverBinaries()) console.warn('SKIPPED: a PostgreSQL that refuses changes (it is not installed)')

describe.skipIf(!serverBinaries())('changes that PostgreSQL refuses', () => {
  let cluster: Cluster
  let sql: postgres.Sql
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    sql = postgres(cluster.url, { max: 1, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql.end()
    await cluster.end()
  })

  const serve = (DATABASE_URL: string) =>
    serveOn({
      name: 'external',
      settings: async () => ({ DATABASE_URL, DATA_DIR: temporaryFolder(), AUTH: 'off' }),
      open: () => Promise.reject(),
    })
  const make = (server: TestServer, length = 0) =>
    server.post('/urls', { original_url: `https://example.com/${'x'.repeat(length)}` })

  async function isSaid(server: TestServer, words: string) {
    expect((await make(server, 1_500)).body.error).toBe(`the database accepts no changes now: ${words}`)
    await until('/ready says so', async () => (await server.get('/ready')).body.reason !== undefined)
    expect((await server.get('/ready')).body).toMatchObject({
      status: 'degraded',
      reason: `the database accepts no changes: ${words}`,
      dependencies: { database: 'up' },
    })
    expect((await server.get('/alert-status')).body.database_refuses).toMatchObject({ state: 'firing', value: 1 })
    expect((await server.get('/metrics')).text).toContain('\nwaypost_database_refuses 1')
    const { troubles } = (await server.get('/api/overview')).body.now
    expect(troubles).toContainEqual(expect.stringContaining(`The database accepts no changes: ${words}.`))
    const { status } = await server.get('/urls') // reads still work
    const failures = status === 200 ? [] : server.ring.read({ limit: 3, level: 'error' })
    expect([status, failures]).toEqual([200, []])
  }

  async function isOver(server: TestServer) {
    await until('it is over', async () => (await server.get('/ready')).body.status === 'ready')
    expect((await make(server)).status).toBe(201)
    await until('the alert ends', async () => (await server.get('/alert-status')).body.database_refuses.state === 'ok')
    expect((await server.get('/metrics')).text).toContain('\nwaypost_database_refuses 0')
  }

  test('because a role lost its right to write', async () => {
    const url = new URL(await cluster.createDatabase())
    const name = url.pathname.slice(1)
    await sql.unsafe(`create role clerk login; alter database ${name} owner to clerk`).simple()
    url.username = 'clerk'
    const server = await serve(url.href)
    expect((await make(server)).status).toBe(201)
    const own = postgres(url.href, { max: 1, onnotice: () => {} })
    await own`revoke insert, update on urls from clerk`
    await isSaid(server, 'its role lacks a permission')
    await own`grant insert, update on urls to clerk`
    await isOver(server)
    await own.end()
    await server.stop()
  })

  const mount = (...args: string[]) => Bun.spawnSync(['mount', ...args]).exitCode === 0
  const small = temporaryFolder()
  const mounted = mount('-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', small)
  if (mounted) atEnd(() => Bun.spawnSync(['umount', '-l', small]))
  else console.warn('SKIPPED: a PostgreSQL whose disk is full (it needs the right to mount a tmpfs)')

  test.skipIf(!mounted)('because its disk is full', async () => {
    chownSync(small, 65534, 65534)
    await sql.unsafe(`create tablespace small location '${small}'`)
    const url = new URL(await cluster.createDatabase())
    await sql.unsafe(`alter database ${url.pathname.slice(1)} set tablespace small`)
    const server = await serve(url.href)
    expect((await make(server)).status).toBe(201)
    const filler = join(small, 'filler')
    const file = openSync(filler, 'w')
    for (const size of [65_536, 4_096])
      try {
        while (writeSync(file, Buffer.alloc(size)) === size);
      } catch {}
    closeSync(file)
    for (let n = 0; n < 5_000 && (await make(server, 1_500)).status === 201; n++);
    await isSaid(server, 'its disk is full')
    rmSync(filler)
    await isOver(server)
    await server.stop()
    await sql.unsafe(`drop database ${url.pathname.slice(1)} with (force)`)
    await sql.unsafe('drop tablespace small')
  })
})

test.each([
  ['53100', 'could not extend file "base/1/2": No space left on device', 'its disk is full'],
  ['53200', 'out of memory', 'it is out of memory'],
  ['53300', 'sorry, too many clients already', 'it has no connection to spare'],
  ['25006', 'cannot execute INSERT in a read-only transaction', 'it is read-only'],
  ['42501', 'permission denied for table urls', 'its role lacks a permission'],
  ['42501', 'could not open file "base/1/2": Read-only file system', 'its disk is read-only'],
  ['58P01', 'could not open file "base/1/2": No such file or directory', 'it is damaged: restore a backup'],
  ['XX001', 'invalid page in block 0 of relation base/1/2', 'it is damaged: restore a backup'],
  ['58030', 'could not read file "base/1/2": Input/output error', 'its disk reports errors'],
  ['28P01', 'password authentication failed for user "waypost"', 'it refuses the role or its password'],
  ['23505', 'duplicate key value violates unique constraint', undefined],
  ['57014', 'canceling statement due to statement timeout', undefined],
])('%s, %s, comes to words: %s', (code, message, words) => {
  expect(causeOf({ code, message })).toBe(words)
})
