// One link for one target, however often it is asked for: `reuse`, and Idempotency-Key, also for requests that race.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { forgetAnswers } from '../src/http/idempotency.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const ADMIN_TOKEN = 'an-admin-token-of-32-characters-or-more'
const AT_ONCE = 20

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  let ada: number
  let bob: number
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
    const create = async (username: string) =>
      (await server.post('/users', { username, email: `${username}@example.com` })).body.id as number
    ;[ada, bob] = [await create('ada'), await create('bob')]
  })
  afterAll(() => server.stop())

  let targets = 0
  const newTarget = () => `https://example.com/target/${++targets}`
  const count = async (where: string, values: unknown[]) =>
    (await server.database.run((sql) => sql.unsafe<{ n: number }[]>(`select count(*) as n from ${where}`, values as never[])))[0]!
      .n

  describe('reuse', () => {
    const later = '2040-01-01T00:00:00Z'
    // What the first link has, what the second request gives, and whether it is the same link.
    const rows: [what: string, first: object, second: object, same: boolean][] = [
      ['nothing but the target', {}, {}, true],
      ['a title that is not given', { title: 'A' }, {}, true],
      ['another title', { title: 'A' }, { title: 'B' }, false],
      ['the same title and note', { title: 'A', note: 'n' }, { title: 'A', note: 'n' }, true],
      ['a window that is not given', { valid_until: later }, {}, false],
      ['the same window', { valid_until: later }, { valid_until: '2040-01-01T01:00:00+01:00' }, true],
      ['a limit that is not given', { max_clicks: 3 }, {}, false],
      ['the same limit', { max_clicks: 3 }, { max_clicks: 3 }, true],
      ['another limit', {}, { max_clicks: 3 }, false],
      ['a password', { password: 'open sesame' }, {}, false],
      ['a confirm page', { confirm: true }, {}, false],
      ['what is the default', { forward_path: false, noindex: null }, { forward_path: false }, true],
      [
        'the same card',
        { card: { title: 'T', image: 'https://example.com/i' } },
        { card: { image: 'https://example.com/i', title: 'T' } },
        true,
      ],
      ['another card', { card: { title: 'T' } }, { card: { title: 'U' } }, false],
      ['inactive', { is_active: false }, {}, false],
    ]
    test.each(rows)('of a link with %s', async (_, first, second, same) => {
      const original_url = newTarget()
      const made = await server.post('/urls', { original_url, ...first })
      const found = await server.post('/urls', { original_url, ...second, reuse: true })
      expect([made.status, found.status]).toEqual([201, same ? 200 : 201])
      expect(found.body.id === made.body.id).toBe(same)
      if (same) expect(found.body).toEqual({ ...made.body, updated_at: expect.anything() })
      expect((await server.post('/urls', { original_url, ...second, reuse: true })).body.id).toBe(found.body.id)
    })

    test('takes the newest, of the same owner, that is not deleted', async () => {
      const original_url = newTarget()
      const make = async (more: object = {}) => (await server.post('/urls', { original_url, ...more })).body.id
      const [older, newer, deleted, adas] = [await make(), await make(), await make(), await make({ user_id: ada })]
      await server.call('DELETE', `/urls/${deleted}`)
      const find = async (more: object = {}) => (await server.post('/urls', { original_url, reuse: true, ...more })).body.id
      expect([await find(), await find({ user_id: ada })]).toEqual([newer, adas])
      await server.call('PATCH', `/urls/${newer}`, { is_active: false })
      expect(await find()).toBe(older)
      expect([older, newer, adas]).not.toContain(await find({ user_id: bob }))
    })

    test('compares a code that is given, and gets 409 if another link has it', async () => {
      const original_url = newTarget()
      const short_code = `own-${targets}`
      const { body } = await server.post('/urls', { original_url, short_code, reuse: true })
      expect((await server.post('/urls', { original_url, short_code, reuse: true })).body.id).toBe(body.id)
      expect((await server.post('/urls', { original_url: newTarget(), short_code, reuse: true })).status).toBe(409)
    })

    test('of many simultaneous requests creates one link', async () => {
      const original_url = newTarget()
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () => server.post('/urls', { original_url, reuse: true })),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(AT_ONCE - 1).fill(200), 201])
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
      expect(await count('urls where original_url = $1', [original_url])).toBe(1)
    })

    test('works at once for visitors', async () => {
      const { body } = await server.post('/shorten', { url: newTarget(), reuse: true })
      expect((await server.get(`/${body.short_code}`)).status).toBe(302)
    })
  })

  describe('Idempotency-Key', () => {
    let keys = 0
    const withKey = (key = `key-${++keys}`) => ({ 'idempotency-key': key })

    test('of many simultaneous requests creates once', async () => {
      const original_url = newTarget()
      const headers = withKey()
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => server.post('/urls', { original_url }, headers)))
      expect([...new Set(answers.map(({ status }) => status))].filter((status) => status !== 409)).toEqual([201])
      expect(answers.filter(({ status, headers }) => status === 201 && !headers.has('idempotent-replayed'))).toHaveLength(1)
      expect(new Set(answers.filter(({ status }) => status === 201).map(({ text }) => text)).size).toBe(1)
      for (const { body } of answers.filter(({ status }) => status === 409))
        expect(body.details).toEqual([{ field: 'Idempotency-Key', message: expect.any(String) }])
      expect(await count('urls where original_url = $1', [original_url])).toBe(1)
      expect((await server.post('/urls', { original_url }, headers)).headers.get('idempotent-replayed')).toBe('true')
    })

    test('repeats the first answer, also of reuse, and also if the link has changed or is deleted', async () => {
      const original_url = newTarget()
      const [created, found] = [withKey(), withKey()]
      const first = await server.post('/urls', { original_url, reuse: true }, created)
      const second = await server.post('/urls', { original_url, reuse: true }, found)
      expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id])
      await server.call('PATCH', `/urls/${first.body.id}`, { title: 'Changed' })
      await server.call('DELETE', `/urls/${first.body.id}`)
      for (const [headers, before] of [
        [created, first],
        [found, second],
      ] as const) {
        const again = await server.post('/urls', { original_url, reuse: true }, headers)
        expect([again.status, again.text]).toEqual([before.status, before.text])
      }
    })

    test('belongs to the caller: another key of the API has its own', async () => {
      const headers = withKey()
      const token = async (user_id: number) =>
        (await server.post('/api/keys', { name: `of ${user_id}`, scope: 'write', user_id })).body.key as string
      const [one, other] = [await token(ada), await token(bob)]
      const post = (key: string, body: object) => server.post('/urls', body, { ...headers, authorization: `Bearer ${key}` })
      const body = { original_url: newTarget() }
      const [first, second] = [await post(one, body), await post(other, body)]
      expect([first.body.user_id, second.body.user_id]).toEqual([ada, bob])
      expect((await post(one, body)).text).toBe(first.text)
      expect((await post(other, { ...body, title: 'x' })).status).toBe(422)
    })

    test('is of one route: the same body on another one gets 422', async () => {
      const headers = withKey()
      const body = { original_url: newTarget() }
      expect((await server.post('/urls', body, headers)).status).toBe(201)
      expect((await server.post('/shorten', body, headers)).status).toBe(422)
    })

    test('keeps nothing of a request that failed', async () => {
      const headers = withKey()
      const short_code = `late-${++targets}`
      const { body } = await server.post('/urls', { original_url: newTarget(), short_code })
      const again = { original_url: newTarget(), short_code }
      expect((await server.post('/urls', again, headers)).status).toBe(409)
      expect((await server.post('/urls', { ...again, short_code: `${short_code}-b` }, headers)).status).toBe(201)
      expect(body.short_code).toBe(short_code)
    })

    test('of a click counts it once', async () => {
      const { body: link } = await server.post('/urls', { original_url: newTarget() })
      const headers = withKey()
      for (let n = 0; n < 3; n++)
        expect((await server.post('/events', { event_type: 'click', url_id: link.id }, headers)).status).toBe(201)
      expect((await server.get(`/urls/${link.id}`)).body.click_count).toBe(1)
    })

    test('refuses a body whose answer is too long to keep, and creates nothing', async () => {
      const details = { text: 'x'.repeat(66_000) }
      const answer = await server.post('/events', { event_type: 'large', details }, withKey())
      expect([answer.status, answer.body.details[0].field]).toEqual([400, 'Idempotency-Key'])
      expect(await count('events where event_type = $1', ['large'])).toBe(0)
    })

    test('keeps neither a password nor anything from which to guess it', async () => {
      const key = Bun.randomUUIDv7()
      const body = { original_url: newTarget(), password: 'open sesame' }
      expect((await server.post('/urls', body, withKey(key))).status).toBe(201)
      const kept = await server.database.run((sql) => sql<{ row: string }[]>`select to_jsonb(a)::text as row from answers a`)
      for (const { row } of kept) for (const secret of ['sesame', key]) expect(row).not.toContain(secret)
      const plain = new Bun.CryptoHasher('sha256').update(JSON.stringify(body)).digest('hex')
      for (const { row } of kept) expect(row).not.toContain(plain)
    })

    test('is forgotten with the link that is purged, and with the user who is deleted', async () => {
      const body = { original_url: newTarget() }
      const user = { username: 'mayfly', email: 'mayfly@example.com' }
      const [one, other, third] = [withKey(), withKey(), withKey()]
      const link = await server.post('/urls', body, one)
      const { id } = (await server.post('/users', user, other)).body
      await server.post('/urls', { ...body, user_id: id }, third)
      await server.call('DELETE', `/urls/${link.body.id}?purge=true`)
      await server.call('DELETE', `/users/${id}`)
      const kept = await server.database.run((sql) => sql<{ body: string }[]>`select body from answers`)
      expect(kept.filter((row) => row.body.includes(body.original_url) || row.body.includes('mayfly'))).toEqual([])
    })

    test('is forgotten after a day, and the table stays small', async () => {
      const headers = withKey()
      const body = { original_url: newTarget() }
      const first = await server.post('/urls', body, headers)
      await server.database.run((sql) => sql`update answers set created_at = now() - interval '25 hours'`)
      const second = await server.post('/urls', body, headers) // before they are deleted
      expect([second.status, second.body.id === first.body.id]).toEqual([201, false])
      await forgetAnswers(server.database)
      expect(await count('answers', [])).toBe(1)
      expect((await server.post('/urls', body, headers)).text).toBe(second.text)
    })
  })
})
