// The audit log: what the server writes about itself nobody else writes, and only an admin takes it away. Each event says who asked.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Glob } from 'bun'
import { isSystemType, SYSTEM_TYPES } from '../src/events/system.ts'
import { updatedDetails } from '../src/links/audit.ts'
import { runCommand } from './child.ts'
import { anyDatabase, databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const ADMIN_TOKEN = 'an-operators-long-token'

type Headers = Record<string, string>
type Details = Record<string, unknown>

/** The details of the events that an answer lists, without those of clicks. */
const detailsIn = ({ body }: { body: { event_type: string; details: Details }[] }) =>
  body.map(({ event_type, details }) => [event_type, details])

test('every type that the source writes is reserved', async () => {
  const src = join(import.meta.dir, '../src')
  const written = new Set<string>()
  for await (const file of new Glob('**/*.ts').scan(src)) {
    const text = await Bun.file(join(src, file)).text()
    const inserted = text.matchAll(/next(?:_event_id\(\)|val\('event_ids'\)), [^'`;]*?'(\w+)'/g)
    const noted = text.matchAll(/trail\.note\('(\w+)'/g)
    for (const [, type] of [...inserted, ...noted]) written.add(type!)
  }
  expect([...written].sort()).toEqual([...SYSTEM_TYPES].sort())
})

test.each(['Created', ' key_revoked ', 'KEY_CREATED', 'ｃｒｅａｔｅｄ', 'key_\u200brevoked', 'host_blocked\n'])(
  '%j would be taken for one',
  (type) => expect(isSystemType(type)).toBe(true),
)
test.each(['click', 'note', 'createdx', 'key', 're-created'])('%j is not', (type) => expect(isSystemType(type)).toBe(false))

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  let user: number
  const keys: Record<string, string> = {}
  const ids: Record<string, number> = {}
  const as = (who: string): Headers => (who === 'operator' ? {} : { authorization: `Bearer ${keys[who]}` })
  const log = async (filter: string) => (await server.get(`/events?${filter}&order=desc`)).body

  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
    user = (await server.post('/users', { username: 'ada', email: 'ada@example.com' })).body.id
    for (const [name, body] of Object.entries({
      admin: { scope: 'admin' },
      write: { scope: 'write' },
      bound: { scope: 'write', user_id: user },
    }))
      ({ key: keys[name], id: ids[name] } = (await server.post('/api/keys', { name, ...body })).body)
  })
  afterAll(() => server.stop())

  test.each(['operator', 'admin', 'write', 'bound'])('%s cannot write an event of the server’s', async (who) => {
    for (const event_type of [...SYSTEM_TYPES, 'Key_Revoked']) {
      const answer = await server.post('/events', { event_type, details: { key_id: 1 } }, as(who))
      expect([answer.status, answer.body.details?.[0]?.field]).toEqual([400, 'event_type'])
    }
    for (const event_type of ['click', 'note']) expect((await server.post('/events', { event_type }, as(who))).status).toBe(201)
  })

  test('a key that changed its own link does not take that out of the log; an admin does', async () => {
    const link = (await server.post('/urls', { original_url: 'https://example.com/good' }, as('bound'))).body
    await server.call('PATCH', `/urls/${link.id}`, { original_url: 'https://example.com/other' }, as('bound'))
    await server.post('/events', { event_type: 'note', url_id: link.id }, as('bound'))
    const events = await log(`url_id=${link.id}`)
    expect(events.map(({ event_type }: { event_type: string }) => event_type)).toEqual(['note', 'updated', 'created'])
    for (const who of ['bound', 'write'])
      for (const { id, event_type } of events.slice(1)) {
        const answer = await server.call('DELETE', `/events/${id}`, undefined, as(who))
        expect([who, event_type, answer.status, answer.body.error]).toEqual([
          who,
          event_type,
          403,
          expect.stringContaining('scope admin'),
        ])
      }
    expect((await server.call('DELETE', `/events/${events[0].id}`, undefined, as('bound'))).status).toBe(204)
    expect((await server.call('DELETE', `/events/${events[1].id}`, undefined, as('admin'))).status).toBe(204)
    expect((await server.call('DELETE', `/events/${events[2].id}`)).status).toBe(204)
  })

  test('a bound key does not learn that other users’ rows exist', async () => {
    const [{ id }] = await log('event_type=key_created')
    expect((await server.call('DELETE', `/events/${id}`, undefined, as('bound'))).status).toBe(404)
    expect((await server.call('DELETE', `/events/${id}`, undefined, as('write'))).status).toBe(403)
  })

  test('erasing a link or a user is recorded with its caller, but without the erased data', async () => {
    const link = (await server.post('/urls', { original_url: 'https://example.com/gone', title: 'Gone' }, as('bound'))).body
    expect((await server.call('DELETE', `/urls/${link.id}?purge=true`, undefined, as('bound'))).status).toBe(204)
    expect(await log(`url_id=${link.id}`)).toEqual([])
    const [purged] = await log('event_type=purged')
    expect(purged).toMatchObject({ url_id: null, user_id: null })
    expect(purged.details).toEqual({
      url_id: link.id,
      short_code: link.short_code,
      by: 'key',
      key_id: expect.any(Number),
      key_name: 'bound',
    })

    const other = (await server.post('/users', { username: 'bob', email: 'bob@example.com' })).body.id
    expect((await server.call('DELETE', `/users/${other}`, undefined, as('write'))).status).toBe(204)
    const [gone] = await log('event_type=user_deleted')
    expect(gone).toMatchObject({ url_id: null, user_id: null, details: { user_id: other, by: 'key', key_name: 'write' } })
  })

  describe('says who asked', () => {
    const csv = (code: string) => {
      const form = new FormData()
      form.append('file', new File([`short_code,original_url\n${code},https://example.com/imported\n`], 'urls.csv'))
      return form
    }
    const signIn = async (token: string): Promise<Headers> => {
      const { headers } = await server.call('POST', '/api/session', { token }, { authorization: '' })
      return { authorization: '', cookie: headers.get('set-cookie')!.split(';')[0]!, 'sec-fetch-site': 'same-origin' }
    }
    const key = (name: string) => ({ key_id: ids[name], key_name: name })
    const CALLERS: [name: string, headers: () => Headers | Promise<Headers>, by: () => Details][] = [
      ['the admin token', () => ({}), () => ({ by: 'admin-token' })],
      ['an admin key', () => as('admin'), () => ({ by: 'key', ...key('admin') })],
      ['a write key', () => as('write'), () => ({ by: 'key', ...key('write') })],
      ['a bound key', () => as('bound'), () => ({ by: 'key', ...key('bound') })],
      ['a session of the admin token', () => signIn(ADMIN_TOKEN), () => ({ by: 'session' })],
      ['a session of a key', () => signIn(keys.write!), () => ({ by: 'session', ...key('write') })],
      ['a session of a bound key', () => signIn(keys.bound!), () => ({ by: 'session', ...key('bound') })],
    ]

    test.each(CALLERS)('%s: a link, from its creation to its end', async (_, headers, by) => {
      const [credential, caller] = [await headers(), by()]
      const old = { original_url: 'https://example.com/from', title: null }
      const { id, short_code } = (await server.post('/urls', old, credential)).body
      const change = { original_url: 'https://example.com/to', title: 'New', is_active: true, by: 'nobody' }
      expect((await server.call('PATCH', `/urls/${id}`, change, credential)).status).toBe(200)
      expect((await server.call('DELETE', `/urls/${id}?soft=true`, undefined, credential)).status).toBe(200)
      expect((await server.call('DELETE', `/urls/${id}?reason=test`, undefined, credential)).status).toBe(204)
      const events = detailsIn(await server.get(`/urls/${id}/events`))
      expect(events).toHaveLength(5)
      expect(events).toEqual(
        expect.arrayContaining([
          ['created', { short_code, original_url: old.original_url, ...caller }],
          ['updated', { field: 'original_url', old_value: old.original_url, new_value: change.original_url, ...caller }],
          ['updated', { field: 'title', old_value: null, new_value: 'New', ...caller }],
          ['updated', { field: 'is_active', old_value: true, new_value: false, ...caller }],
          ['deleted', { reason: 'test', ...caller }],
        ]),
      )
      expect((await server.call('DELETE', `/urls/${id}?purge=true`, undefined, credential)).status).toBe(204)
      expect(detailsIn(await server.get('/events?event_type=purged&order=desc&per_page=1'))).toEqual([
        ['purged', { url_id: id, short_code, ...caller }],
      ])
    })

    test.each(CALLERS)('%s: an event that it writes, whatever the body claims', async (_, headers, by) => {
      const [credential, caller] = [await headers(), by()]
      const forged = { by: 'admin-token', key_id: 1, key_name: 'somebody else', text: 'kept', in: { by: 'kept' } }
      for (const event_type of ['note', 'click']) {
        const { status, body } = await server.post('/events', { event_type, details: forged }, credential)
        expect([status, body.details]).toEqual([201, { text: 'kept', in: { by: 'kept' }, ...caller }])
        expect((await server.get(`/events/${body.id}`)).body.details).toEqual(body.details)
      }
      expect((await server.post('/events', { event_type: 'note' }, credential)).body.details).toEqual(caller)
    })

    test.each(CALLERS.filter(([name]) => !name.includes('bound')))('%s: an import', async (name, headers, by) => {
      const [credential, caller] = [await headers(), by()]
      const short_code = name.replaceAll(' ', '-')
      for (const _ of ['imports it', 'finds it there'])
        expect((await server.post('/urls/bulk', csv(short_code), credential)).status).toBe(201)
      const [{ id }] = (await server.get(`/urls?code=${short_code}`)).body
      expect(detailsIn(await server.get(`/urls/${id}/events`))).toEqual([
        ['imported', { short_code, original_url: 'https://example.com/imported', ...caller }],
      ])
    })

    test.each(CALLERS.filter(([name]) => /admin/.test(name)))('%s: keys, hosts, users and sessions', async (_, headers, by) => {
      const [credential, caller] = [await headers(), by()]
      const last = async (type: string) => (await log(`event_type=${type}&per_page=1`))[0].details
      const made = (await server.post('/api/keys', { name: 'made', scope: 'read' }, credential)).body
      await server.call('DELETE', `/api/keys/${made.id}`, undefined, credential)
      for (const type of ['key_created', 'key_revoked']) expect(await last(type)).toMatchObject({ id: made.id, ...caller })
      await server.post('/api/blocklist', { host: 'evil.example', reason: 'phishing' }, credential)
      await server.call('DELETE', '/api/blocklist/evil.example', undefined, credential)
      expect(await last('host_blocked')).toEqual({ host: 'evil.example', reason: 'phishing', ...caller })
      expect(await last('host_unblocked')).toEqual({ host: 'evil.example', ...caller })
      const { id } = (await server.post('/users', { username: 'eve', email: 'eve@example.com' }, credential)).body
      await server.call('DELETE', `/users/${id}`, undefined, credential)
      expect(await last('user_deleted')).toEqual({ user_id: id, ...caller })
      await server.call('DELETE', '/api/sessions', undefined, credential)
      expect(await last('signed_out_everywhere')).toEqual(caller)
    })

    test('each link of one batch has its own caller', async () => {
      const credentials = await Promise.all(CALLERS.map(([, headers]) => headers()))
      const made = await Promise.all(
        Array.from({ length: 140 }, async (_, n) => {
          const which = n % CALLERS.length
          const { body } = await server.post('/urls', { original_url: `https://example.com/${n}` }, credentials[which])
          return { id: body.id, short_code: body.short_code, original_url: body.original_url, by: CALLERS[which]![2]() }
        }),
      )
      for (const { id, by, ...link } of made)
        expect(detailsIn(await server.get(`/urls/${id}/events`))).toEqual([['created', { ...link, ...by }]])
    })
  })

  test('no event has the text or the hash of a password that is set, changed or cleared', async () => {
    const { id } = (await server.post('/urls', { original_url: 'https://example.com/', password: 'open sesame 0' })).body
    for (const password of ['open sesame 1', 'open sesame 2', null])
      expect((await server.call('PATCH', `/urls/${id}`, { password })).status).toBe(200)
    const events = await server.get(`/urls/${id}/events`)
    expect(detailsIn(events).slice(1)).toEqual(Array(3).fill(['updated', { field: 'password', by: 'admin-token' }]))
    expect(events.text).not.toMatch(/sesame|argon2/)
  })

  test('no event has a value of a secret column', async () => {
    const changes = (sql: Parameters<typeof updatedDetails>[0], secret?: string[]) => sql<{ details: Details }[]>`
      select ${updatedDetails(sql, { by: 'open' }, secret)} as details
      from (values ('hidden', '"before"'::jsonb, '"after"'::jsonb), ('title', null, '"after"')) as c (field, old_value, new_value)`
    expect((await server.database.run((sql) => changes(sql, ['hidden']))).map(({ details }) => details)).toEqual([
      { field: 'hidden', by: 'open' },
      { field: 'title', old_value: null, new_value: 'after', by: 'open' },
    ])
  })

  test.each([
    ['a purge', (id: number) => `/urls/${id}?purge=true`],
    ['the end of its user', (_: number, owner: number) => `/users/${owner}`],
  ])('%s erases what a link was before', async (name, path) => {
    const owner = (await server.post('/users', { username: name, email: `${name.replaceAll(' ', '.')}@example.com` })).body.id
    const before = `https://example.com/${crypto.randomUUID()}`
    const { id } = (await server.post('/urls', { original_url: before, title: before, user_id: owner })).body
    await server.call('PATCH', `/urls/${id}`, { original_url: 'https://example.com/after', title: null })
    const left = () =>
      server.database.run((sql) => sql`select from events where details::text like ${`%${before}%`}`).then(({ count }) => count)
    expect(await left()).toBe(3)
    expect((await server.call('DELETE', path(id, owner))).status).toBe(204)
    expect(await left()).toBe(0)
  })
})

describe('without a credential', () => {
  test.each([
    ['open', {}],
    ['off', { AUTH: 'off' }],
  ])('the caller is %s', async (by, settings) => {
    const server = await serveOn(anyDatabase, settings)
    try {
      const { id, short_code } = (await server.post('/urls', { original_url: 'https://example.com/' })).body
      await server.call('DELETE', `/urls/${id}`)
      expect(detailsIn(await server.get(`/urls/${id}/events`))).toEqual([
        ['created', { short_code, original_url: 'https://example.com/', by }],
        ['deleted', { reason: 'manual', by }],
      ])
    } finally {
      await server.stop()
    }
  })

  test('events of the command line name it', async () => {
    const settings: Record<string, string> = { DATA_DIR: temporaryFolder(), ...(await anyDatabase.settings()) }
    expect((await runCommand(['key', 'create', 'first', '--scope', 'admin'], settings)).code).toBe(0)
    expect((await runCommand(['key', 'revoke', '1'], settings)).code).toBe(0)
    const server = await serveOn({ ...anyDatabase, settings: async () => settings }, { ADMIN_TOKEN })
    try {
      expect(detailsIn(await server.get('/events'))).toEqual([
        ['key_created', expect.objectContaining({ name: 'first', by: 'command line' })],
        ['key_revoked', expect.objectContaining({ name: 'first', by: 'command line' })],
      ])
    } finally {
      await server.stop()
    }
  })
})
