// What a DATABASE_URL says: servers, names, TLS, and libpq's parameters, obeyed, passed over or refused by name.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config/config.ts'
import type { Tls } from '../../src/config/database-tls.ts'
import { type DatabaseUrl, readDatabaseUrl } from '../../src/config/database-url.ts'
import { temporaryFolder } from '../scratch.ts'

const ca = join(temporaryFolder(), 'ca.pem')
writeFileSync(ca, 'a certificate')

describe('a database’s URL', () => {
  test.each([
    ['postgres://u:p@a:5432,b:5433/n', 'a:5432 b:5433', 'u', 'p', 'n'],
    ['postgres://a,[::1]:5433/n?sslmode=require', 'a:5432 ::1:5433', undefined, undefined, 'n'],
    ['postgresql:///n?host=a,b&port=1,2', 'a:1 b:2', undefined, undefined, 'n'],
    ['postgres://u@/n?host=a,b&port=6000&target_session_attrs=read-write', 'a:6000 b:6000', 'u', undefined, 'n'],
    ['postgres:///n?host=/run/postgresql', '/run/postgresql:5432', undefined, undefined, 'n'],
    ['postgres://%2Frun%2Fpostgresql:5433/n', '/run/postgresql:5433', undefined, undefined, 'n'],
    ['postgres://[::1]/n', '::1:5432', undefined, undefined, 'n'],
    ['postgres:///n', 'localhost:5432', undefined, undefined, 'n'],
    ['postgres://u%40x:p%2Fg%23s%25@a/my%20db', 'a:5432', 'u@x', 'p/g#s%', 'my db'],
    ['postgres://u:pg#se?c@ret@a/n?user=v', 'a:5432', 'v', 'pg#se?c@ret', 'n'],
    ['postgres://u:a:b@a', 'a:5432', 'u', 'a:b', undefined],
    ['postgres://?host=a&dbname=d%20b&user=u&password=p%26q', 'a:5432', 'u', 'p&q', 'd b'],
  ])('%s names the servers %s', (text, hosts, user, password, name) => {
    const read = readDatabaseUrl(text)
    expect([read.hosts.map(({ host, port }) => `${host}:${port}`).join(' '), read.user, read.password, read.name]).toEqual([
      hosts,
      user,
      password,
      name,
    ])
  })

  test.each<[string, Partial<DatabaseUrl>]>([
    ['sslmode=disable', { tls: undefined }],
    ['', { tls: undefined }],
    ['sslmode=allow', { tls: tls({ optional: true }) }],
    ['sslmode=prefer', { tls: tls({ optional: true }) }],
    ['sslmode=require', { tls: tls({}) }],
    ['ssl=true', { tls: tls({}) }],
    ['sslmode=verify-ca', { tls: tls({ verify: 'ca' }) }],
    ['sslmode=verify-full', { tls: tls({ verify: 'full' }) }],
    [`sslmode=require&sslrootcert=${ca}`, { tls: tls({ verify: 'ca', ca: 'a certificate' }) }],
    ['sslrootcert=system', { tls: tls({ verify: 'full', system: true }) }],
    [
      `sslmode=require&sslcert=${ca}&sslkey=${ca}&sslpassword=p`,
      { tls: tls({ cert: 'a certificate', key: 'a certificate', passphrase: 'p' }) },
    ],
    ['sslmode=require&channel_binding=require', { tls: tls({ bound: true }) }],
    ['sslmode=require&sslsni=0&ssl_min_protocol_version=TLSv1.3', { tls: tls({ serverName: false, minVersion: 'TLSv1.3' }) }],
    ['sslnegotiation=direct', { tls: tls({ direct: true }) }],
    ['connect_timeout=10&application_name=my%20app', { connectWithin: 10, applicationName: 'my app' }],
    ['connect_timeout=1', { connectWithin: 2 }],
    ['connect_timeout=3600', { connectWithin: 60 }],
    ['connect_timeout=0', { ignored: ['connect_timeout'] }],
    ['keepalives=0&keepalives_idle=30', { keepAlive: 0 }],
    ['keepalives=1&keepalives_idle=30&keepalives_count=3', { keepAlive: 30, ignored: ['keepalives_count'] }],
    ['channel_binding=prefer&gssencmode=disable', { ignored: ['channel_binding', 'gssencmode'] }],
    [
      'options=-c%20search_path%3Da%2Cb%20-cwork_mem=8MB%20--geqo=off',
      { settings: { search_path: 'a,b', work_mem: '8MB', geqo: 'off' } },
    ],
    ['options=-c%20search_path%3Da%5C%20b%20endpoint%3Dep-1', { settings: { search_path: 'a b' }, options: 'endpoint=ep-1' }],
    ['search_path=a', { settings: { search_path: 'a' } }],
    ['pgbouncer=true&connection_limit=5', { pooled: true, ignored: ['connection_limit'] }],
  ])('with %s is read as libpq reads it', (query, expected) => {
    expect(readDatabaseUrl(`postgres://a/n?${query}`)).toMatchObject(expected)
  })

  test.each([
    ['sslmode=loud', /^DATABASE_URL has a sslmode that is not disable, allow, /],
    [
      'sslmode=require&sslrootcert=/nothing/here',
      /^DATABASE_URL has sslrootcert=\/nothing\/here, which cannot be read: it does not exist, ENOENT$/,
    ],
    ['sslmode=require&sslcert=/nothing/here', /^DATABASE_URL must have sslcert and sslkey together/],
    ['sslmode=require&sslcrl=/x', /^DATABASE_URL has sslcrl, which waypost does not support/],
    ['channel_binding=require', /^DATABASE_URL has channel_binding=require, which needs TLS: add sslmode=require$/],
    ['channel_binding=maybe', /^DATABASE_URL has a channel_binding that is not /],
    ['gssencmode=require', /^DATABASE_URL has gssencmode, which waypost does not support: /],
    ['service=x', /^DATABASE_URL has service, which waypost does not support: /],
    ['passfile=/x', /^DATABASE_URL has passfile, which waypost does not support: use DATABASE_PASSWORD/],
    ['hostaddr=10.0.0.1', /^DATABASE_URL has hostaddr, which /],
    ['schema=tenant', /^DATABASE_URL has schema, which waypost does not support: use options=-csearch_path%3Dtenant$/],
    ['connect_timeout=soon', /^DATABASE_URL has a connect_timeout that is not a number of seconds$/],
    ['options=-c%20nothing', /^DATABASE_URL has invalid options: write each as -c name=value$/],
    ['statement_timout=5', /^DATABASE_URL has the parameter statement_timout, which waypost does not know: remove it; /],
    ['toString=5', /^DATABASE_URL has the parameter toString, which waypost does not know/],
    ['application_name=%zz', /^DATABASE_URL has a % that does not start a %XX: write a literal % as %25$/],
  ])('with %s stops the start with a sentence that names the parameter', (query, sentence) => {
    expect(messageOf(`postgres://u:hunter2@a/n?${query}`)).toMatch(sentence)
  })
})

function tls(more: Partial<Tls>): Tls {
  return { optional: false, system: false, serverName: true, direct: false, bound: false, ...more }
}

function messageOf(DATABASE_URL: string): string {
  try {
    readConfig({}, { DATABASE_URL })
  } catch (error) {
    expect((error as Error).message).not.toContain('hunter2')
    return (error as Error).message
  }
  throw new Error('it was accepted')
}
