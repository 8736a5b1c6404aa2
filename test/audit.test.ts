// The audit log: what the server writes about itself nobody else writes, and only an admin takes it away.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Glob } from 'bun'
import { isSystemType, SYSTEM_TYPES } from '../src/events/system.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const ADMIN_TOKEN = 'an-operators-long-token'

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
  const as = (who: string): Record<string, string> => (who === 'operator' ? {} : { authorization: `Bearer ${keys[who]}` })
  const log = async (filter: string) => (await server.get(`/events?${filter}&order=desc`)).body

  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
    user = (await server.post('/users', { username: 'ada', email: 'ada@example.com' })).body.id
    for (const [name, body] of Object.entries({
      admin: { scope: 'admin' },
      write: { scope: 'write' },
      bound: { scope: 'write', user_id: user },
    }))
      keys[name] = (await server.post('/api/keys', { name, ...body })).body.key
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
})
