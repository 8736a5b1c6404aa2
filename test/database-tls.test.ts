// TLS to a real PostgreSQL whose certificate a CA of the test has signed: each sslmode, right and wrong CAs, names and clients' certificates.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFileSync, chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { openDatabase } from '../src/database/open.ts'
import { quiet } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'

const openssl = Bun.which('openssl')
const possible = serverBinaries() !== undefined && openssl !== null
if (!possible) console.warn('SKIPPED: test/database-tls.test.ts (PostgreSQL or openssl is not installed)')

const folder = possible ? temporaryFolder() : ''
const at = (name: string) => join(folder, name)

function run(...args: string[]) {
  const { success, stderr } = Bun.spawnSync([openssl!, ...args], { cwd: folder, stderr: 'pipe', stdout: 'ignore' })
  if (!success) throw new Error(`openssl ${args[0]}: ${stderr}`)
}

function authority(name: string) {
  run(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
  )
}

function certificate(name: string, subject: string, alternative: string, ca = 'ca', hash = 'sha256') {
  run('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${subject}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  writeFileSync(at('ext'), `subjectAltName=${alternative}\n`)
  run(
    'x509',
    '-req',
    '-days',
    '2',
    `-${hash}`,
    '-in',
    `${name}.csr`,
    '-CA',
    `${ca}.pem`,
    '-CAkey',
    `${ca}.key`,
    '-CAcreateserial',
    '-extfile',
    'ext',
    '-out',
    `${name}.pem`,
  )
}

describe.skipIf(!possible)('TLS to the database', () => {
  let secure: Cluster
  let plain: Cluster

  beforeAll(async () => {
    authority('ca')
    authority('stranger')
    certificate('server', 'db.example', 'DNS:localhost', 'ca', 'sha384')
    certificate('client', 'with_certificate', 'DNS:client')
    secure = await openCluster({ own: true })
    plain = await openCluster({ own: true })
    const { url, control } = secure
    const data = join(control!.folder, 'data')
    const sql = postgres(url, { max: 1 })
    await sql
      .unsafe(
        `set password_encryption to 'scram-sha-256'; create role with_password login password 'secret'; create role with_certificate login`,
      )
      .simple()
    await sql.end()
    for (const name of ['server.key', 'server.pem', 'ca.pem']) {
      await Bun.write(join(data, name), Bun.file(at(name)))
      chmodSync(join(data, name), 0o600)
      if (process.getuid?.() === 0) chownSync(join(data, name), 65534, 65534)
    }
    appendFileSync(
      join(data, 'postgresql.conf'),
      `\nssl=on\nssl_cert_file='server.pem'\nssl_key_file='server.key'\nssl_ca_file='ca.pem'\n`,
    )
    writeFileSync(
      join(data, 'pg_hba.conf'),
      'hostssl all with_password all scram-sha-256\nhostssl all with_certificate all cert\nhost all postgres all trust\n',
    )
    await control!.stop()
    await control!.start()
  })
  afterAll(async () => {
    await secure?.end()
    await plain?.end()
  })

  /** `tls` or `plain`, or why there is no connection. */
  async function connectionBy(query: string, { role = 'postgres', host = '127.0.0.1', to = secure } = {}): Promise<string> {
    const { port } = new URL(to.url)
    const DATABASE_URL = `postgres://${role}@${host}:${port}/postgres?${query}`
    const database = await openDatabase(readConfig({ DATABASE_URL, DATA_DIR: folder }, {}), quiet().log)
    try {
      const [row] = await database.run((sql) => sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`)
      return row!.ssl ? 'tls' : 'plain'
    } catch (error) {
      return await database
        .run((sql) => sql`select 1`)
        .then(
          () => String(error),
          (error) => String(error.cause?.message),
        )
    } finally {
      await database.close()
    }
  }

  const ca = `sslrootcert=${at('ca.pem')}`
  const stranger = `sslrootcert=${at('stranger.pem')}`
  const untrusted = /self.signed|unable to (verify|get)|certificate/i
  test.each<[string, string | RegExp, Parameters<typeof connectionBy>[1]?]>([
    ['', 'plain'],
    ['sslmode=disable', 'plain'],
    ['sslmode=allow', 'tls'],
    ['sslmode=prefer', 'tls'],
    ['sslmode=require', 'tls'],
    ['ssl=true', 'tls'],
    ['sslmode=verify-ca', untrusted],
    [`sslmode=verify-ca&${ca}`, 'tls'],
    [`sslmode=verify-ca&${stranger}`, untrusted],
    [`sslmode=require&${stranger}`, untrusted],
    [`sslmode=verify-full&${ca}`, 'tls', { host: 'localhost' }],
    [`sslmode=verify-full&${ca}`, /127\.0\.0\.1|altnames|does not match/i],
    [`sslmode=verify-full&${stranger}`, untrusted, { host: 'localhost' }],
    ['sslmode=require&ssl_min_protocol_version=TLSv1.3', 'tls'],
    ['sslmode=require&channel_binding=require', 'tls', { role: 'with_password:secret' }],
    [`sslmode=verify-ca&${ca}&channel_binding=require`, 'tls', { role: 'with_password:secret' }],
    ['sslmode=require&channel_binding=require', /authentication failed/, { role: 'with_password:wrong' }],
    ['sslmode=require&channel_binding=require', /no sign-in that is bound to its channel/],
    ['sslmode=require', 'tls', { role: 'with_password:secret' }],
    ['sslmode=disable', /no pg_hba.conf entry|no encryption/, { role: 'with_password:secret' }],
    [`sslmode=require&sslcert=${at('client.pem')}&sslkey=${at('client.key')}`, 'tls', { role: 'with_certificate' }],
    ['sslmode=require', /certificate/, { role: 'with_certificate' }],
  ])('of a server that has it: %s is %s', async (...[query, expected, where]) => {
    const found = await connectionBy(query, where)
    if (expected instanceof RegExp) expect(found).toMatch(expected)
    else expect(found).toBe(expected)
  })

  test.each<[string, string | RegExp]>([
    ['sslmode=prefer', 'plain'],
    ['sslmode=allow', 'plain'],
    ['sslmode=require', /the server has no TLS, and sslmode asks for it/],
    [`sslmode=verify-full&${ca}`, /the server has no TLS, and sslmode asks for it/],
    ['sslmode=prefer&channel_binding=require', /no sign-in that is bound to its channel/],
  ])('of a server that has none: %s is %s', async (query, expected) => {
    const found = await connectionBy(query, { to: plain })
    if (expected instanceof RegExp) expect(found).toMatch(expected)
    else expect(found).toBe(expected)
  })
})
