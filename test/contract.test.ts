// The promise to our users: the whole API as a list, on the embedded database and on a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomFrom } from '../survive/random.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { type Answer, serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

type Case = {
  name: string
  method?: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  status: number
  /** A part of the body, by value; or a check of the whole answer. */
  expect?: unknown
  check?: (answer: Answer, idOf: (name: FixtureName) => number) => void
  /** For a 400: the field that must be named. */
  field?: string
  /** Fixtures that it needs besides those it names, as {ada}, in its path, body or expectation. */
  given?: FixtureName[]
  /** The row that comes before it: see `story`. */
  after?: Case
  /** It is about a database without a row, so it runs before the first fixture is made. */
  atStart?: boolean
}

/** Rows that tell of one thing in their order: each runs after the one above it, also where it is asked for alone. */
function story(...rows: Case[]): Case[] {
  for (const [i, row] of rows.entries()) row.after = rows[i - 1]
  return rows
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const target = 'https://example.com/a/page?x=1#top'
const CHAOS_TOKEN = 'a-token-for-breaking-things'
const CHAOS = { 'x-chaos-token': CHAOS_TOKEN }
const TYPED = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
const PERSON = { accept: 'text/html', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
const csv = (text: string) => {
  const form = new FormData()
  form.append('file', new File([text], 'any.csv'))
  return form
}
const latin = (text: string) => Buffer.from(text, 'latin1')

/** What a link says that has no rules. */
const PLAIN = {
  ...{
    valid_from: null,
    valid_until: null,
    expired_url: null,
    max_clicks: null,
    clicks_left: null,
    last_click: null,
    used_up_at: null,
  },
  ...{ forward_query: 'off', forward_path: false, password: false, confirm: false, noindex: null, card: null, note: null },
  tags: [],
}

/** Made by a POST; `visits`: paths to GET afterwards. */
type Fixture = { path: string; body: Record<string, unknown>; visits?: string[] }
type FixtureName = keyof typeof fixtures

const user = (username: string, email = `${username}@Example.com`): Fixture => ({ path: '/users', body: { username, email } })
const link = (body: Record<string, unknown> = {}, visits: string[] = []): Fixture => ({
  path: '/urls',
  body: { original_url: target, ...body },
  visits,
})
const event = (body: Record<string, string>): Fixture => ({ path: '/events', body })

/**
 * What rows name. Each is made once, by the first row that needs it, and its name in braces stands for its id. A row that changes something
 * has one of its own.
 */
const fixtures = {
  ada: user('ada', 'Ada@Example.com'),
  bob: user('bob'),
  chloe: user('chloe'),
  long: user('long'),
  patched: user('patched'),
  put: user('put'),
  byBytes: user('by-bytes'),
  owner: user('owner'),
  writer: user('writer'),
  leaver: user('leaver'),
  page: link(),
  owned: link({ user_id: '{owner}' }),
  searched: link({ original_url: 'https://example.com/searched', short_code: 'searched-1' }),
  edited: link(),
  tagged: link({ short_code: 'tagged-1' }),
  off: link({ short_code: 'switched-off', is_active: false }),
  named: link({ original_url: 'https://example.com/named', short_code: 'named_1' }),
  moving: link({ original_url: 'https://example.com/first', short_code: 'moving_1' }),
  soft: link(),
  gone: link({ original_url: 'https://example.com/gone', short_code: 'gone_1' }, Array(5).fill('/gone_1')),
  manual: link(),
  noted: link(),
  clicked: link(),
  left: link({ user_id: '{leaver}' }),
  farewell: event({ event_type: 'farewell', user_id: '{leaver}' }),
  locked: link({ short_code: 'locked_1', password: 'open sesame' }),
  pressed: link({ short_code: 'pressed_1', confirm: true }),
  limited: link({ short_code: 'limited_1', max_clicks: 3 }),
  carded: link({
    short_code: 'carded_1',
    noindex: true,
    card: { title: 'A <card>', description: 'D', image: 'https://i.example/a.png' },
  }),
  lastClick: event({ event_type: 'click', url_id: '{left}' }),
}

const groups: Record<string, Case[]> = {
  users: [
    {
      name: 'none yet',
      atStart: true,
      path: '/users',
      status: 200,
      check: ({ body, headers }) => {
        expect(body).toEqual([])
        expect(headers.get('x-total-count')).toBe('0')
      },
    },
    {
      name: 'create',
      method: 'POST',
      path: '/users',
      body: { username: 'grace', email: 'Grace@Example.com' },
      status: 201,
      check: ({ body, headers }) => {
        expect(body).toEqual({
          id: expect.any(Number),
          username: 'grace',
          email: 'Grace@Example.com',
          created_at: expect.stringMatching(TIME),
        })
        expect(headers.get('location')).toBe(`/users/${body.id}`)
      },
    },
    {
      name: 'a taken username',
      given: ['ada'],
      method: 'POST',
      path: '/users',
      body: { username: 'ada', email: 'other@example.com' },
      status: 409,
      expect: { details: [{ field: 'username' }] },
    },
    {
      name: 'a taken e-mail, in another case',
      given: ['ada'],
      method: 'POST',
      path: '/users',
      body: { username: 'eva', email: 'aDA@example.COM' },
      status: 409,
      expect: { details: [{ field: 'email' }] },
    },
    ...[' ada ', '\u00a0ada\t', 'ada\n', '\ufeffada'].map(
      (username): Case => ({
        name: `a taken username in blanks, ${JSON.stringify(username)}`,
        given: ['ada'],
        method: 'POST',
        path: '/users',
        body: { username, email: 'other@example.com' },
        status: 409,
        expect: { details: [{ field: 'username' }] },
      }),
    ),
    {
      name: 'a taken e-mail in blanks',
      given: ['ada'],
      method: 'POST',
      path: '/users',
      body: { username: 'eva', email: ' ada@example.com\n' },
      status: 409,
      expect: { details: [{ field: 'email' }] },
    },
    { name: 'no username', method: 'POST', path: '/users', body: { email: 'x@example.com' }, status: 400, field: 'username' },
    {
      name: 'a username that cannot be made a text',
      method: 'POST',
      path: '/users',
      body: { username: [{ toString: 'x' }], email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'a blank username',
      method: 'POST',
      path: '/users',
      body: { username: '  ', email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'a number for a username',
      method: 'POST',
      path: '/users',
      body: { username: 7, email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'null for a username',
      method: 'POST',
      path: '/users',
      body: { username: null, email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'a username of 65',
      method: 'POST',
      path: '/users',
      body: { username: 'x'.repeat(65), email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'no e-mail shape',
      method: 'POST',
      path: '/users',
      body: { username: 'bob', email: 'bob' },
      status: 400,
      field: 'email',
    },
    {
      name: 'a NUL',
      method: 'POST',
      path: '/users',
      body: { username: 'b\0b', email: 'x@example.com' },
      status: 400,
      field: 'username',
    },
    {
      name: 'half a surrogate pair',
      method: 'POST',
      path: '/users',
      body: '{"username":"b\\ud800b","email":"x@example.com"}',
      status: 400,
      field: 'username',
    },
    {
      name: 'an id and a role that nobody may choose',
      method: 'POST',
      path: '/users',
      body: { username: 'rob', email: 'rob@example.com', id: 99, role: 'root' },
      status: 201,
      check: ({ body }) => {
        expect(body).toEqual({
          id: expect.any(Number),
          username: 'rob',
          email: 'rob@example.com',
          created_at: expect.stringMatching(TIME),
        })
        expect(body.id).not.toBe(99)
      },
    },
    ...story(
      {
        name: 'another way to write a letter',
        method: 'PATCH',
        path: '/users/{chloe}',
        body: { username: ' Chloe\u0308 ', email: ' new@example.com ' },
        status: 200,
        expect: { username: 'Chlo\u00eb', email: 'new@example.com' },
      },
      {
        name: 'is the same name',
        method: 'POST',
        path: '/users',
        body: { username: 'Chlo\u00eb', email: 'x@example.com' },
        status: 409,
        expect: { details: [{ field: 'username' }] },
      },
      {
        name: 'for a change too',
        method: 'PUT',
        path: '/users/{ada}',
        body: { username: 'Chloe\u0308' },
        status: 409,
        expect: { details: [{ field: 'username' }] },
      },
      { name: 'and for a filter', path: '/users?username=Chloe%CC%88', status: 200, expect: [{ id: '{chloe}' }] },
      {
        name: 'and back to the name and the e-mail that it had',
        method: 'PUT',
        path: '/users/{chloe}',
        body: { username: 'chloe', email: 'chloe@example.com' },
        status: 200,
      },
    ),
    ...story(
      {
        name: '64 characters, in blanks, each of two',
        method: 'PATCH',
        path: '/users/{long}',
        body: { username: ` ${'e\u0308'.repeat(64)} ` },
        status: 200,
        expect: { username: '\u00eb'.repeat(64) },
      },
      { name: 'and short again', method: 'PATCH', path: '/users/{long}', body: { username: 'long' }, status: 200 },
    ),
    { name: 'read', path: '/users/{ada}', status: 200, expect: { username: 'ada' } },
    { name: 'unknown', path: '/users/999', status: 404, expect: { error: 'User not found' } },
    { name: 'id 0', path: '/users/0', status: 404 },
    { name: 'id 2^63', path: '/users/9223372036854775808', status: 404 },
    { name: 'id 2^70', path: '/users/1180591620717411303424', status: 404 },
    { name: 'id -1', path: '/users/-1', status: 400, field: 'id' },
    { name: 'id 1.5', path: '/users/1.5', status: 400, field: 'id' },
    { name: 'id true', path: '/users/true', status: 400, field: 'id' },
    { name: 'id abc', path: '/users/abc', status: 400, field: 'id' },
    { name: 'a malformed % in the path', path: '/users/%zz', status: 400 },
    { name: 'a bare % in the path', path: '/users/%', status: 400 },
    { name: 'a NUL in the path', path: '/users/%00', status: 400 },
    {
      name: 'filter by username',
      given: ['ada'],
      path: '/users?username=ada',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
    {
      name: 'filter by e-mail, in any case',
      path: '/users?email=ADA@EXAMPLE.com',
      status: 200,
      expect: [{ id: '{ada}' }],
    },
    {
      name: 'PATCH',
      method: 'PATCH',
      path: '/users/{patched}',
      body: { username: 'patched2' },
      status: 200,
      expect: { username: 'patched2', email: 'patched@Example.com' },
    },
    {
      name: 'PUT of the whole object',
      method: 'PUT',
      path: '/users/{put}',
      body: { id: 5, username: 'put', email: 'put@example.com', created_at: 'x' },
      status: 200,
      expect: { id: '{put}', username: 'put', email: 'put@example.com' },
    },
    {
      name: 'PUT of a taken username',
      given: ['bob'],
      method: 'PUT',
      path: '/users/{ada}',
      body: { username: 'bob' },
      status: 409,
    },
    { name: 'PUT of its own username', method: 'PUT', path: '/users/{ada}', body: { username: 'ada' }, status: 200 },
    { name: 'PUT of no known field', method: 'PUT', path: '/users/{ada}', body: { role: 'root' }, status: 400, field: 'body' },
    {
      name: 'PATCH of a taken username',
      given: ['ada'],
      method: 'PATCH',
      path: '/users/{bob}',
      body: { username: 'ada' },
      status: 409,
    },
    { name: 'PATCH of an unknown user', method: 'PATCH', path: '/users/999', body: { username: 'zed' }, status: 404 },
  ],
  'invalid bodies': [
    ...['/users', '/urls', '/events', '/shorten'].flatMap((path): Case[] => [
      { name: `${path}: malformed`, method: 'POST', path, body: '{"username":', status: 400, field: 'body' },
      { name: `${path}: empty`, method: 'POST', path, body: '', status: 400 },
      { name: `${path}: an array`, method: 'POST', path, body: '[]', status: 400, field: 'body' },
      { name: `${path}: a string`, method: 'POST', path, body: '"x"', status: 400, field: 'body' },
      { name: `${path}: null`, method: 'POST', path, body: 'null', status: 400, field: 'body' },
      { name: `${path}: 2 MB`, method: 'POST', path, body: JSON.stringify({ x: 'y'.repeat(2_000_000) }), status: 413 },
      {
        name: `${path}: nested 100,000 deep`,
        method: 'POST',
        path,
        body: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
        status: 400,
        field: 'body',
      },
      {
        name: `${path}: brackets in a string are not depth`,
        method: 'POST',
        path,
        body: JSON.stringify({ x: '['.repeat(500) }),
        status: 400,
      },
      {
        name: `${path}: a form`,
        method: 'POST',
        path,
        body: 'a=1',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        status: 415,
      },
      { name: `${path}: text`, method: 'POST', path, body: '{}', headers: { 'content-type': 'text/plain' }, status: 415 },
      {
        name: `${path}: JSON by another name`,
        method: 'POST',
        path,
        body: '{}',
        headers: { 'content-type': 'application/jsonx' },
        status: 415,
      },
    ]),
  ],
  'bodies in other bytes': [
    ...(
      [
        [
          'Latin-1 that is stated',
          'application/json; charset=iso-8859-1',
          latin('{"username":"Zoë","email":"zoe@example.com"}'),
          'Zoë',
        ],
        [
          'quotes around a charset, in capitals',
          'Application/JSON; Charset="ISO-8859-1"',
          latin('{"username":"Zoé","email":"z2@example.com"}'),
          'Zoé',
        ],
        ['windows-1252', 'application/json;charset=windows-1252', latin('{"username":"5 \x80","email":"z3@example.com"}'), '5 €'],
        [
          'UTF-16 by its mark',
          'application/json; charset=utf-16',
          Buffer.from('\ufeff{"username":"Ω","email":"z4@example.com"}', 'utf16le').swap16(),
          'Ω',
        ],
        [
          'UTF-16 without a mark',
          'application/json; charset=utf-16le',
          Buffer.from('{"username":"Ω2","email":"z5@example.com"}', 'utf16le'),
          'Ω2',
        ],
        [
          'Shift_JIS',
          'application/json; charset=Shift_JIS',
          Buffer.from([...latin('{"username":"'), 0x93, 0xfa, ...latin('","email":"z6@example.com"}')]),
          '日',
        ],
        [
          'UTF-8 with a mark',
          'application/json; charset=utf-8',
          Buffer.from('\ufeff{"username":"Zoe","email":"z7@example.com"}'),
          'Zoe',
        ],
        [
          'UTF-8 by another name, behind another parameter',
          'application/json; profile="a;b"; charset=UTF8',
          Buffer.from('{"username":"Zo😀","email":"z8@example.com"}'),
          'Zo😀',
        ],
        [
          'ASCII',
          'application/json; charset=us-ascii',
          Buffer.from('{"username":"Zo\\u00eb!","email":"z9@example.com"}'),
          'Zoë!',
        ],
      ] as const
    ).map(
      ([name, type, body, username]): Case => ({
        name,
        method: 'PATCH',
        path: '/users/{byBytes}',
        body: new Uint8Array(body),
        headers: { 'content-type': type },
        status: 200,
        expect: { username },
      }),
    ),
    ...['/users', '/urls', '/shorten', '/events', '/api/keys', '/api/blocklist'].flatMap((path): Case[] => [
      {
        name: `${path}: Latin-1 that is not stated`,
        method: 'POST',
        path,
        body: new Uint8Array(latin('{"title":"Zoë"}')),
        status: 400,
        field: 'body',
        check: ({ body }) => expect(body.error).toContain('the byte 0xEB at 12'),
      },
      {
        name: `${path}: Latin-1 that is stated to be UTF-8`,
        method: 'POST',
        path,
        body: new Uint8Array(latin('{"title":"Zoë"}')),
        headers: { 'content-type': 'application/json; charset=utf-8' },
        status: 400,
        field: 'body',
      },
      {
        name: `${path}: an unknown charset`,
        method: 'POST',
        path,
        body: {},
        headers: { 'content-type': 'application/json; charset=klingon' },
        status: 415,
        field: 'body',
      },
      {
        name: `${path}: gzip`,
        method: 'POST',
        path,
        body: Bun.gzipSync('{}'),
        headers: { 'content-encoding': 'gzip' },
        status: 415,
        check: ({ headers, body }) => {
          expect(headers.get('accept-encoding')).toBe('identity')
          expect(body.error).toContain('Content-Encoding')
        },
      },
    ]),
    ...['br', 'deflate', 'zstd', 'identity, gzip', 'x'].map(
      (encoding): Case => ({
        name: `an import in ${encoding}`,
        method: 'POST',
        path: '/users/bulk',
        body: '--b--',
        headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-encoding': encoding },
        status: 415,
      }),
    ),
    {
      name: 'identity is no compression',
      method: 'POST',
      path: '/urls',
      body: {},
      headers: { 'content-encoding': 'Identity' },
      status: 400,
      field: 'original_url',
    },
    {
      name: 'more than ASCII for ASCII',
      method: 'POST',
      path: '/users',
      body: new Uint8Array(latin('{"username":"Zoë"}')),
      headers: { 'content-type': 'application/json; charset=us-ascii' },
      status: 400,
      field: 'body',
    },
    {
      name: 'half a UTF-16 character',
      method: 'POST',
      path: '/users',
      body: new Uint8Array(Buffer.from('{"a":"b"}x', 'utf16le').subarray(0, 19)),
      headers: { 'content-type': 'application/json; charset=utf-16le' },
      status: 400,
      field: 'body',
    },
    {
      name: 'a character of UTF-8 that breaks off',
      method: 'PATCH',
      path: '/users/{ada}',
      body: new Uint8Array(Buffer.from('{"username":"é"}').subarray(0, 14)),
      status: 400,
      field: 'body',
    },
    {
      name: 'half a surrogate pair in UTF-8',
      method: 'PUT',
      path: '/users/{ada}',
      body: new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]),
      status: 400,
      field: 'body',
    },
    {
      name: 'an overlong slash',
      method: 'POST',
      path: '/events',
      body: new Uint8Array([0x22, 0xc0, 0xaf, 0x22]),
      status: 400,
      field: 'body',
    },
    { name: 'text/json', method: 'POST', path: '/urls', body: {}, headers: { 'content-type': 'text/json' }, status: 415 },
    {
      name: 'two content types',
      method: 'POST',
      path: '/urls',
      body: {},
      headers: { 'content-type': 'application/json, text/plain' },
      status: 415,
    },
  ],
  'Idempotency-Key': [
    ...(
      [
        ['/urls', { original_url: target }, { original_url: target, title: 'Other' }],
        ['/shorten', { url: target }, { url: target, title: 'Other' }],
        ['/users', { username: 'twice', email: 'twice@example.com' }, { username: 'thrice', email: 'thrice@example.com' }],
        ['/events', { event_type: 'signed' }, { event_type: 'other' }],
      ] as const
    ).flatMap(([path, body, other]) => {
      const headers = { 'idempotency-key': `key-of${path}` }
      let first: Answer
      return story(
        {
          name: `${path}: the first request`,
          method: 'POST',
          path,
          headers,
          body,
          status: 201,
          check: (answer) => {
            first = answer
            expect(answer.headers.get('idempotent-replayed')).toBeNull()
          },
        },
        {
          name: `${path}: the same again`,
          method: 'POST',
          path,
          headers,
          body,
          status: 201,
          check: ({ text, headers }) => {
            expect([text, headers.get('location')]).toEqual([first.text, first.headers.get('location')])
            expect(headers.get('idempotent-replayed')).toBe('true')
          },
        },
        {
          name: `${path}: another body`,
          method: 'POST',
          path,
          headers,
          body: other,
          status: 422,
          expect: { details: [{ field: 'Idempotency-Key' }] },
        },
      )
    }),
    ...['', 'x'.repeat(256), 'two words', 'schlüssel'].map(
      (key): Case => ({
        name: `the key ${JSON.stringify(key.slice(0, 20))}`,
        method: 'POST',
        path: '/urls',
        headers: { 'idempotency-key': key },
        body: { original_url: target },
        status: 400,
        field: 'Idempotency-Key',
      }),
    ),
    {
      name: 'a refused request is not remembered',
      method: 'POST',
      path: '/urls',
      headers: { 'idempotency-key': 'refused' },
      body: { original_url: 'nonsense' },
      status: 400,
      field: 'original_url',
    },
  ],
  links: [
    {
      name: 'create',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, user_id: '{ada}', title: 'A page' },
      status: 201,
      check: ({ body, headers }, idOf) => {
        expect(body).toEqual({
          aliases: [],
          id: expect.any(Number),
          user_id: idOf('ada'),
          short_code: expect.stringMatching(/^[A-Za-z0-9]{6}$/),
          short_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[A-Za-z0-9]{6}$/),
          original_url: target,
          title: 'A page',
          is_active: true,
          click_count: 0,
          created_at: expect.stringMatching(TIME),
          updated_at: expect.stringMatching(TIME),
          state: 'active',
          ...PLAIN,
        })
        expect(headers.get('location')).toBe(`/urls/${body.id}`)
      },
    },
    {
      name: 'the same URL makes another link',
      given: ['page'],
      method: 'POST',
      path: '/urls',
      body: { original_url: target },
      status: 201,
      expect: { user_id: null, title: null },
      check: ({ body }, idOf) => expect(body.id).not.toBe(idOf('page')),
    },
    ...story(
      {
        name: 'reuse creates a link where there is none',
        method: 'POST',
        path: '/urls',
        body: { original_url: 'https://example.com/reused', title: 'Once', reuse: true },
        status: 201,
        expect: { title: 'Once' },
      },
      {
        name: 'reuse finds it',
        method: 'POST',
        path: '/urls',
        body: { original_url: 'https://example.com/reused', reuse: true },
        status: 200,
        expect: { title: 'Once' },
        check: ({ body, headers }) => expect(headers.get('location')).toBe(`/urls/${body.id}`),
      },
      {
        name: 'so does /shorten',
        method: 'POST',
        path: '/shorten',
        body: { url: 'https://example.com/reused', reuse: true },
        status: 200,
        expect: { title: 'Once' },
      },
      {
        name: 'target= finds it too',
        path: `/urls?target=${encodeURIComponent('https://example.com/reused')}`,
        status: 200,
        expect: [{ title: 'Once' }],
      },
    ),
    {
      name: 'reuse with a password',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, reuse: true, password: 'open sesame' },
      status: 400,
      field: 'password',
    },
    {
      name: 'reuse with expires_in',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, reuse: true, expires_in: '1d' },
      status: 400,
      field: 'expires_in',
    },
    {
      name: 'reuse that is a text',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, reuse: 'true' },
      status: 400,
      field: 'reuse',
    },
    { name: 'a target= that no link can have', path: `/urls?target=${'x'.repeat(4097)}`, status: 400, field: 'target' },
    ...['clicks', 'last_click', 'title', 'created'].map(
      (sort): Case => ({ name: `sort=${sort}`, given: ['page'], path: `/urls?sort=${sort}&per_page=1`, status: 200 }),
    ),
    { name: 'an unknown sort', path: '/urls?sort=colour', status: 400, field: 'sort' },
    ...['0', 'xyz', 'WyJ0aXRsZSIsIngiLDFd', 'WyJjbGlja3MiLCJ4IiwxXQ', 'WyJjbGlja3MiLDEsMS41XQ'].map(
      (cursor): Case => ({
        name: `sort=clicks with the cursor ${cursor}`,
        path: `/urls?sort=clicks&cursor=${cursor}`,
        status: 400,
        field: 'cursor',
      }),
    ),
    {
      name: 'change many by id',
      method: 'PATCH',
      path: '/urls/bulk',
      body: { ids: ['{noted}', 999_999], set: { title: 'Many' }, dry_run: true },
      status: 200,
      expect: { matched: 1, changed: 1, refused: 0 },
    },
    {
      name: 'delete many by filter',
      given: ['noted'],
      method: 'DELETE',
      path: '/urls/bulk',
      body: { filter: { q: 'nothing has this' } },
      status: 200,
      expect: { matched: 0, changed: 0, refused: 0 },
    },
    ...(
      [
        [{ set: { title: 'x' } }, 'ids'],
        [{ ids: [1], filter: { all: true }, set: { title: 'x' } }, 'ids'],
        [{ ids: [], set: { title: 'x' } }, 'ids'],
        [{ ids: [0], set: { title: 'x' } }, 'ids[0]'],
        [{ ids: Array(10_001).fill(1), set: { title: 'x' } }, 'ids'],
        [{ ids: [1] }, 'set'],
        [{ ids: [1], set: {} }, 'set'],
        [{ ids: [1], set: { colour: 'red' } }, 'set.colour'],
        [{ ids: [1], set: { original_url: 'ftp://example.com' } }, 'set.original_url'],
        [{ ids: [1], set: { original_url: 'http://127.0.0.1/x' }, colour: 1 }, 'colour'],
        [{ ids: [1], set: { valid_from: '2030-01-02T00:00:00Z', valid_until: '2030-01-01T00:00:00Z' } }, 'set.valid_until'],
        [{ filter: {}, set: { title: 'x' } }, 'filter.all'],
        [{ filter: { q: '' }, set: { title: 'x' } }, 'filter.q'],
        [{ filter: { q: null }, set: { title: 'x' } }, 'filter.q'],
        [{ filter: { q: ['x'] }, set: { title: 'x' } }, 'filter.q'],
        [{ filter: { tag: [] }, set: { title: 'x' } }, 'filter.tag'],
        [{ filter: { tag: ['a', 1] }, set: { title: 'x' } }, 'filter.tag'],
        [{ filter: { tags: 'any' }, set: { title: 'x' } }, 'filter.all'],
        [{ filter: { colour: 'red' }, set: { title: 'x' } }, 'filter.colour'],
        [{ filter: { all: false }, set: { title: 'x' } }, 'filter.all'],
        [{ filter: { all: true, q: 'x' }, set: { title: 'x' } }, 'filter.all'],
        [{ filter: { state: 'asleep' }, set: { title: 'x' } }, 'filter.state'],
        [{ filter: { user_id: 'ada' }, set: { title: 'x' } }, 'filter.user_id'],
      ] as const
    ).map(
      ([body, field]): Case => ({
        name: `change many with ${JSON.stringify(body).slice(0, 80)}`,
        method: 'PATCH',
        path: '/urls/bulk',
        body,
        status: 400,
        field,
      }),
    ),
    { name: 'delete many without a body', method: 'DELETE', path: '/urls/bulk', status: 415 },
    { name: 'delete many of nothing', method: 'DELETE', path: '/urls/bulk', body: {}, status: 400, field: 'ids' },
    { name: 'reset clicks', method: 'DELETE', path: '/urls/{noted}/clicks', status: 204 },
    { name: 'reset clicks of no link', method: 'DELETE', path: '/urls/999999/clicks', status: 404 },
    { name: 'reset clicks of a code', method: 'DELETE', path: '/urls/gone_1/clicks', status: 400, field: 'id' },
    ...story(
      {
        name: 'a code of one’s own',
        method: 'POST',
        path: '/urls',
        body: { original_url: 'https://example.com/own', short_code: 'my-code_1' },
        status: 201,
        expect: { short_code: 'my-code_1' },
      },
      {
        name: 'a taken code',
        method: 'POST',
        path: '/urls',
        body: { original_url: target, short_code: 'my-code_1' },
        status: 409,
        expect: { details: [{ field: 'short_code' }] },
      },
      {
        name: 'a taken code, shortened',
        method: 'POST',
        path: '/shorten',
        body: { url: target, short_code: 'my-code_1' },
        status: 409,
      },
    ),
    {
      name: 'a code of two',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'ab' },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'a code of 65',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'a'.repeat(65) },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'a code with a slash',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'a/b' },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'a code of digits',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: '12345' },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'a route’s word',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'metrics' },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'a route’s word in another case',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'Users' },
      status: 400,
      field: 'short_code',
    },
    {
      name: 'an unknown user',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, user_id: 999 },
      status: 404,
      expect: { error: 'User not found' },
    },
    ...[true, 1.5, '1', 0, -1, [], {}].map(
      (user_id): Case => ({
        name: `user_id ${JSON.stringify(user_id)}`,
        method: 'POST',
        path: '/urls',
        body: { original_url: target, user_id },
        status: 400,
        field: 'user_id',
      }),
    ),
    {
      name: 'user_id 2^63',
      method: 'POST',
      path: '/urls',
      body: `{"original_url":"${target}","user_id":9223372036854775808}`,
      status: 404,
    },
    {
      name: 'a title of 501',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, title: 'x'.repeat(501) },
      status: 400,
      field: 'title',
    },
    { name: 'no target', method: 'POST', path: '/urls', body: {}, status: 400, field: 'original_url' },
    ...[
      'javascript:alert(1)',
      'data:text/html,x',
      'ftp://example.com',
      'example.com',
      '//example.com',
      'http://',
      'http:///x',
      'http:example.com',
      'https://user:pw@example.com',
      'https://user@example.com',
      'http://exa mple.com',
      'https://example.com/\nx',
      'https://example.com/\u0000',
      ' https://example.com',
      `https://example.com/${'x'.repeat(10_000)}`,
      'http://[::1',
      'http://example.com:99999',
      '',
      5,
      null,
      true,
      [],
    ].map(
      (original_url): Case => ({
        name: `target ${JSON.stringify(original_url).slice(0, 40)}`,
        method: 'POST',
        path: '/urls',
        body: { original_url },
        status: 400,
        field: 'original_url',
      }),
    ),
    ...story(
      {
        name: 'an international host',
        method: 'POST',
        path: '/urls',
        body: { original_url: 'https://bücher.example/straße?q=ü', short_code: 'intl' },
        status: 201,
        expect: { original_url: 'https://bücher.example/straße?q=ü' },
      },
      {
        name: 'its redirect is plain ASCII',
        path: '/intl',
        status: 302,
        check: ({ headers }) => expect(headers.get('location')).toBe('https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC'),
      },
    ),
    {
      name: 'shorten by url',
      method: 'POST',
      path: '/shorten',
      body: { url: 'https://example.com/s' },
      status: 201,
      check: ({ body }) => expect(body.short_url).toEndWith(`/${body.short_code}`),
    },
    {
      name: 'shorten by original_url',
      method: 'POST',
      path: '/shorten',
      body: { original_url: 'https://example.com/s2' },
      status: 201,
    },
    ...['/urls', '/shorten'].flatMap((path, i): Case[] => [
      ...story(
        {
          name: `${path}: switched off from the start`,
          method: 'POST',
          path,
          body: { original_url: 'https://example.com/off', short_code: `off-${i}`, is_active: false },
          status: 201,
          expect: { is_active: false },
        },
        { name: `${path}: and so it redirects nobody`, path: `/off-${i}`, status: 404 },
      ),
      {
        name: `${path}: is_active as text`,
        method: 'POST',
        path,
        body: { original_url: target, is_active: 'false' },
        status: 400,
        field: 'is_active',
      },
    ]),
    { name: 'shorten for an unknown user', method: 'POST', path: '/shorten', body: { url: target, user_id: 999 }, status: 404 },
    { name: 'shorten nothing', method: 'POST', path: '/shorten', body: {}, status: 400, field: 'url' },
    { name: 'read', path: '/urls/{page}', status: 200, expect: { id: '{page}', original_url: target } },
    { name: 'unknown', path: '/urls/999', status: 404, expect: { error: 'URL not found' } },
    { name: 'a GET with a JSON body', path: '/urls/{page}', status: 200, headers: { 'content-type': 'application/json' } },
    {
      name: 'links of a user',
      given: ['owned'],
      path: '/users/{owner}/urls',
      status: 200,
      check: ({ body, headers }, idOf) => {
        expect(body.map(({ id }: { id: number }) => id)).toEqual([idOf('owned')])
        expect(headers.get('x-total-count')).toBe('1')
      },
    },
    { name: 'links of an unknown user', path: '/users/999/urls', status: 404 },
    {
      name: 'filter by user',
      given: ['owned'],
      path: '/urls?user_id={owner}',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
    { name: 'filter by a huge user', path: '/urls?user_id=99999999999999999999', status: 200, expect: [] },
    {
      name: 'filter by activity',
      given: ['off', 'page'],
      path: '/urls?is_active=FALSE',
      status: 200,
      check: ({ body }) => {
        const codes = body.map(({ short_code }: { short_code: string }) => short_code)
        expect(codes).toContain('switched-off')
        expect(body.filter(({ is_active }: { is_active: boolean }) => is_active)).toEqual([])
      },
    },
    {
      name: 'search',
      given: ['searched'],
      path: '/urls?q=EXAMPLE.com/searched',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
    {
      name: 'search by relevance',
      given: ['searched', 'page'],
      path: '/urls?q=searched-1+EXAMPLE&sort=relevance',
      status: 200,
      check: ({ body, headers }) => expect([body.length, headers.get('x-next-cursor')]).toEqual([1, null]),
    },
    { name: 'relevance without a search', path: '/urls?sort=relevance', status: 400, field: 'sort' },
    { name: 'an unknown sort', path: '/urls?sort=banana', status: 400, field: 'sort' },
    {
      name: 'another search',
      given: ['searched'],
      path: '/api/suggestions/links?q=saerched',
      status: 200,
      expect: [{ q: 'searched' }],
    },
    { name: 'another search for none', path: '/api/suggestions/links', status: 400, field: 'q' },
    { name: 'a search for a wildcard finds it literally', path: '/urls?q=%25', status: 200, expect: [] },
    {
      name: 'newest first',
      given: ['page', 'owned'],
      path: '/urls?order=desc&per_page=2',
      status: 200,
      check: ({ body, headers }) => {
        expect(body[0].id).toBeGreaterThan(body[1].id)
        expect(headers.get('x-next-cursor')).toBe(String(body[1].id))
      },
    },
    { name: 'an unknown order', path: '/urls?order=up', status: 400, field: 'order' },
    { name: 'a bad activity', path: '/urls?is_active=banana', status: 400, field: 'is_active' },
    { name: 'a bad user filter', path: '/urls?user_id=abc', status: 400, field: 'user_id' },
    { name: 'a NUL in a filter', path: '/urls?q=a%00b', status: 400, field: 'q' },
    { name: 'unknown parameters are ignored', path: '/urls?banana=1&user_id={owner}', status: 200 },
    {
      name: 'of a repeated parameter the last counts',
      given: ['owned'],
      path: '/urls?user_id=abc&user_id={owner}',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
    ...story(
      {
        name: 'PATCH one field',
        method: 'PATCH',
        path: '/urls/{edited}',
        body: { title: 'New' },
        status: 200,
        expect: { title: 'New', original_url: target },
      },
      {
        name: 'PUT the whole object back',
        method: 'PUT',
        path: '/urls/{edited}',
        body: {
          id: '{edited}',
          short_code: 'zzz',
          user_id: 7,
          original_url: 'https://example.com/two',
          title: null,
          is_active: false,
          click_count: 99,
          created_at: 'no',
        },
        status: 200,
        expect: {
          id: '{edited}',
          original_url: 'https://example.com/two',
          title: null,
          is_active: false,
          click_count: 0,
          user_id: null,
        },
      },
      {
        name: 'one updated event a changed field',
        path: '/urls/{edited}/events',
        status: 200,
        check: ({ body }) => {
          expect(body.map(({ event_type }: { event_type: string }) => event_type)).toEqual([
            'created',
            'updated',
            'updated',
            'updated',
            'updated',
          ])
          expect(body.slice(1).map(({ details }: { details: unknown }) => details)).toEqual(
            expect.arrayContaining([
              { field: 'title', old_value: null, new_value: 'New', by: 'open' },
              { field: 'title', old_value: 'New', new_value: null, by: 'open' },
              { field: 'is_active', old_value: true, new_value: false, by: 'open' },
              { field: 'original_url', old_value: target, new_value: 'https://example.com/two', by: 'open' },
            ]),
          )
        },
      },
      { name: 'a change of nothing', method: 'PATCH', path: '/urls/{edited}', body: { is_active: false }, status: 200 },
      {
        name: 'writes no event',
        path: '/events?url_id={edited}&event_type=updated',
        status: 200,
        check: ({ headers }) => expect(headers.get('x-total-count')).toBe('4'),
      },
    ),
    {
      name: 'an invalid target',
      method: 'PATCH',
      path: '/urls/{page}',
      body: { original_url: 'javascript:x' },
      status: 400,
      field: 'original_url',
    },
    {
      name: 'is_active as text',
      method: 'PATCH',
      path: '/urls/{page}',
      body: { is_active: 'true' },
      status: 400,
      field: 'is_active',
    },
    {
      name: 'is_active as null',
      method: 'PATCH',
      path: '/urls/{page}',
      body: { is_active: null },
      status: 400,
      field: 'is_active',
    },
    { name: 'no known field', method: 'PATCH', path: '/urls/{page}', body: { id: 7 }, status: 400, field: 'body' },
    {
      name: 'PUT of no field but the code',
      method: 'PUT',
      path: '/urls/{page}',
      body: { short_code: 'other' },
      status: 400,
      field: 'body',
    },
    {
      name: 'a code instead of an id',
      given: ['searched'],
      method: 'PATCH',
      path: '/urls/searched-1',
      body: { title: 'x' },
      status: 400,
      field: 'id',
    },
    { name: 'an unknown link', method: 'PATCH', path: '/urls/999', body: { title: 'x' }, status: 404 },
    ...story(
      { name: 'no alias yet', path: '/urls/{named}', status: 200, expect: { short_code: 'named_1', aliases: [] } },
      {
        name: 'an alias',
        method: 'POST',
        path: '/urls/{named}/aliases',
        body: { code: 'named_2' },
        status: 201,
        check: ({ body, headers }) => {
          expect(body).toEqual({
            code: 'named_2',
            short_url: expect.stringMatching(/^http:\/\/.+\/named_2$/),
            created_at: expect.stringMatching(TIME),
          })
          expect(headers.get('location')).toBeNull()
        },
      },
      { name: 'redirects', path: '/named_2', status: 302 },
      { name: 'is listed', path: '/urls/{named}/aliases', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
      { name: 'again', method: 'POST', path: '/urls/{named}/aliases', body: { code: 'named_2' }, status: 409, field: 'code' },
      {
        name: 'of another link',
        given: ['page'],
        method: 'POST',
        path: '/urls/{page}/aliases',
        body: { code: 'named_2' },
        status: 409,
        field: 'code',
      },
      {
        name: 'is no other link’s code',
        method: 'POST',
        path: '/urls',
        body: { original_url: target, short_code: 'named_2' },
        status: 409,
      },
      {
        name: 'rename',
        method: 'PATCH',
        path: '/urls/{named}',
        body: { short_code: 'named_3' },
        status: 200,
        expect: { short_code: 'named_3', aliases: ['named_2', 'named_1'] },
      },
      { name: 'the old code redirects', path: '/named_1', status: 302 },
      { name: 'the new one too', path: '/named_3', status: 302 },
      {
        name: 'a taken one',
        given: ['searched'],
        method: 'PATCH',
        path: '/urls/{named}',
        body: { short_code: 'searched-1' },
        status: 409,
        field: 'short_code',
      },
      {
        name: 'a bad one',
        method: 'PATCH',
        path: '/urls/{named}',
        body: { short_code: 'a b' },
        status: 400,
        field: 'short_code',
      },
      {
        name: 'a reserved one',
        method: 'PATCH',
        path: '/urls/{named}',
        body: { short_code: 'Metrics' },
        status: 400,
        field: 'short_code',
      },
      { name: 'removal', method: 'DELETE', path: '/urls/{named}/aliases/named_1', status: 204 },
      { name: 'leads nowhere', path: '/named_1', status: 404 },
      { name: 'removed twice', method: 'DELETE', path: '/urls/{named}/aliases/named_1', status: 404 },
      { name: 'the code of the link is no alias', method: 'DELETE', path: '/urls/{named}/aliases/named_3', status: 404 },
      {
        name: 'is not issued again',
        method: 'POST',
        path: '/urls',
        body: { original_url: target, short_code: 'named_1' },
        status: 409,
      },
      { name: 'given back', method: 'POST', path: '/urls/{named}/aliases', body: { code: 'named_1' }, status: 201 },
    ),
    {
      name: 'a code that is not an alias',
      method: 'POST',
      path: '/urls/{page}/aliases',
      body: { code: 'a' },
      status: 400,
      field: 'code',
    },
    { name: 'an alias without a code', method: 'POST', path: '/urls/{page}/aliases', body: {}, status: 400, field: 'code' },
    { name: 'an alias of no link', method: 'POST', path: '/urls/999/aliases', body: { code: 'of-none' }, status: 404 },
    { name: 'aliases of no link', path: '/urls/999/aliases', status: 404 },
  ],
  redirects: [
    ...story(
      {
        name: 'MISS',
        given: ['moving'],
        path: '/moving_1',
        status: 302,
        check: ({ headers }) => {
          expect(headers.get('location')).toBe('https://example.com/first')
          expect(headers.get('cache-control')).toBe('private, no-store')
          expect(headers.get('x-cache')).toBe('MISS')
        },
      },
      { name: 'HIT', path: '/moving_1?utm=1', status: 302, check: ({ headers }) => expect(headers.get('x-cache')).toBe('HIT') },
      {
        name: 'below /urls',
        path: '/urls/moving_1',
        status: 302,
        check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/first'),
      },
      { name: 'below /urls, named', path: '/urls/moving_1/redirect', status: 302 },
      {
        name: 'HEAD is not counted',
        method: 'HEAD',
        path: '/moving_1',
        status: 302,
        check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/first'),
      },
      { name: 'every click was counted once', path: '/urls/{moving}', status: 200, expect: { click_count: 4 } },
      {
        name: 'by the statistics too',
        path: '/urls/moving_1/stats',
        status: 200,
        expect: { clicks: 4, bots: 4, id: '{moving}' },
        check: ({ body }) => {
          expect(Object.keys(body)[0]).toBe('clicks')
          expect(body.by_hour.reduce((sum: number, { clicks }: { clicks: number }) => sum + clicks, 0)).toBe(4)
        },
      },
      {
        name: 'by the trends',
        path: '/api/trends?ids={moving},999999',
        status: 200,
        check: ({ body }) => {
          expect(body).toHaveLength(1)
          expect(body[0].clicks).toHaveLength(14)
          expect(body[0].clicks.reduce((sum: number, clicks: number) => sum + clicks, 0)).toBe(4)
        },
      },
      { name: 'without ids', path: '/api/trends?tz=UTC', status: 400, expect: { details: [{ field: 'ids' }] } },
      {
        name: 'and in the events',
        path: '/events?url_id={moving}&event_type=click',
        status: 200,
        check: ({ body }) => expect(body).toHaveLength(4),
      },
      {
        name: 'the preview',
        path: '/moving_1+',
        status: 200,
        expect: { short_code: 'moving_1', original_url: 'https://example.com/first', is_active: true },
      },
      { name: 'an inactive link', method: 'PATCH', path: '/urls/{moving}', body: { is_active: false }, status: 200 },
      { name: 'is 404 at once', path: '/moving_1', status: 404 },
      {
        name: 'and back',
        method: 'PUT',
        path: '/urls/{moving}',
        body: { is_active: true, original_url: 'https://example.com/moved' },
        status: 200,
      },
      {
        name: 'at its new target at once',
        path: '/moving_1',
        status: 302,
        check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/moved'),
      },
    ),
    { name: 'an unknown code', path: '/nope', status: 404, expect: { error: 'URL not found' } },
    { name: 'an unknown code below /urls', path: '/urls/nope', status: 404 },
    { name: 'an unknown preview', path: '/nope+', status: 404 },
    { name: 'no code at all', path: '/.env', status: 404 },
    { name: 'a code too long', path: `/${'a'.repeat(65)}`, status: 404 },
    { name: 'a malformed %', path: '/%zz', status: 400 },
    {
      name: 'a page for people',
      path: '/nope',
      headers: { accept: 'text/html,*/*;q=0.8' },
      status: 404,
      check: ({ headers, text }) => {
        expect(headers.get('content-type')).toStartWith('text/html')
        expect(text).toContain('This link leads nowhere')
      },
    },
    {
      name: 'JSON for everybody else',
      path: '/nope',
      headers: { accept: '*/*' },
      status: 404,
      check: ({ headers }) => expect(headers.get('content-type')).toBe('application/json'),
    },
  ],
  'pages of links': [
    {
      name: 'a password, for people',
      given: ['locked'],
      path: '/locked_1?x=1',
      headers: { accept: 'text/html' },
      status: 200,
      check: ({ headers, text }) => {
        expect(headers.get('cache-control')).toBe('no-store')
        expect(text).toContain('This link needs a password')
        expect(text).toContain('<form method="post">')
        expect(text).not.toContain('example.com')
      },
    },
    ...['/locked_1', '/urls/locked_1/redirect'].map(
      (path): Case => ({
        name: `a password, for programs: ${path}`,
        given: ['locked'],
        path,
        headers: { accept: 'application/json' },
        status: 401,
        expect: { error: 'this link needs its password: send Authorization: Basic with any user name' },
        check: ({ headers }) => expect(headers.get('www-authenticate')).toStartWith('Basic '),
      }),
    ),
    {
      name: 'the right password by the form',
      given: ['locked'],
      method: 'POST',
      path: '/locked_1',
      body: 'password=open+sesame',
      headers: TYPED,
      status: 303,
      check: ({ headers }) => expect(headers.get('location')).toBe(target),
    },
    {
      name: 'the right password in a header',
      given: ['locked'],
      path: '/locked_1',
      headers: { authorization: `Basic ${btoa('anyone:open sesame')}` },
      status: 302,
      check: ({ headers }) => expect(headers.get('location')).toBe(target),
    },
    {
      name: 'a wrong password',
      given: ['locked'],
      method: 'POST',
      path: '/locked_1',
      body: 'password=closed',
      headers: TYPED,
      status: 403,
      expect: { error: 'wrong password' },
    },
    {
      name: 'JSON instead of a form',
      given: ['locked'],
      method: 'POST',
      path: '/locked_1',
      body: { password: 'open sesame' },
      status: 415,
    },
    {
      name: 'a preview without the target',
      given: ['locked'],
      path: '/locked_1+',
      status: 200,
      expect: { original_url: null, state: 'active' },
    },
    {
      name: 'a button, for people',
      given: ['pressed'],
      path: '/urls/pressed_1/redirect',
      headers: PERSON,
      status: 200,
      check: ({ text }) => expect(text).toContain('Continue to example.com?'),
    },
    { name: 'pressed', given: ['pressed'], method: 'POST', path: '/pressed_1', status: 303 },
    {
      name: 'a button, for programs',
      given: ['pressed'],
      path: '/pressed_1',
      status: 200,
      check: ({ text }) => {
        expect(text).toContain('Open this link')
        expect(text).not.toContain('example.com')
      },
    },
    {
      name: 'a prefetch of a button',
      given: ['pressed'],
      path: '/pressed_1',
      headers: { ...PERSON, 'sec-purpose': 'prefetch' },
      status: 503,
    },
    { name: 'limited clicks, for people', given: ['limited'], path: '/limited_1', headers: PERSON, status: 302 },
    {
      name: 'limited clicks, for programs',
      given: ['limited'],
      path: '/limited_1',
      status: 200,
      check: ({ headers }) => expect(headers.get('location')).toBeNull(),
    },
    {
      name: 'a card, for a chat',
      given: ['carded'],
      path: '/carded_1',
      headers: { 'user-agent': 'Slackbot-LinkExpanding 1.0' },
      status: 200,
      check: ({ headers, text }) => {
        expect(headers.get('x-robots-tag')).toBe('noindex')
        expect(text).toContain('<meta property="og:title" content="A &lt;card&gt;">')
        expect(text).not.toContain('example.com')
      },
    },
    {
      name: 'and for everybody else a redirect',
      given: ['carded'],
      path: '/carded_1',
      status: 302,
      check: ({ headers }) => expect(headers.get('x-robots-tag')).toBe('noindex'),
    },
  ],
  deleting: [
    ...story(
      { name: 'soft', method: 'DELETE', path: '/urls/{soft}?soft=true', status: 200, expect: { id: '{soft}', is_active: false } },
      { name: 'soft keeps it', path: '/urls/{soft}', status: 200, expect: { is_active: false } },
    ),
    ...story(
      { name: 'the reason is manual by default', method: 'DELETE', path: '/urls/{manual}', status: 204 },
      {
        name: 'as its event says',
        path: '/events?url_id={manual}&event_type=deleted',
        status: 200,
        expect: [{ details: { reason: 'manual', by: 'open' } }],
      },
    ),
    ...story(
      {
        name: 'with a reason',
        method: 'DELETE',
        path: '/urls/{gone}?reason=policy',
        status: 204,
        check: ({ text }) => expect(text).toBe(''),
      },
      { name: 'it is gone', path: '/urls/{gone}', status: 404 },
      { name: 'from redirects', path: '/gone_1', status: 404 },
      { name: 'from lists', path: '/urls?q=example.com/gone', status: 200, expect: [] },
      { name: 'twice', method: 'DELETE', path: '/urls/{gone}', status: 404 },
      {
        name: 'its events stay',
        path: '/urls/{gone}/events',
        status: 200,
        check: ({ body }) =>
          expect(body.find((event: { event_type: string }) => event.event_type === 'deleted').details).toEqual({
            reason: 'policy',
            by: 'open',
          }),
      },
      { name: 'its totals stay', path: '/urls/{gone}/stats', status: 200, expect: { clicks: 5 } },
      {
        name: 'its code is never issued again',
        method: 'POST',
        path: '/urls',
        body: { original_url: target, short_code: 'gone_1' },
        status: 409,
      },
      { name: 'purge', method: 'DELETE', path: '/urls/{gone}?purge=true', status: 204 },
      { name: 'erases the events', path: '/events?url_id={gone}', status: 200, expect: [] },
      { name: 'and the statistics', path: '/urls/{gone}/stats', status: 404 },
      {
        name: 'but not the code',
        method: 'POST',
        path: '/urls',
        body: { original_url: target, short_code: 'gone_1' },
        status: 409,
      },
      { name: 'purge twice', method: 'DELETE', path: '/urls/{gone}?purge=true', status: 404 },
    ),
    { name: 'an unknown link', method: 'DELETE', path: '/urls/999', status: 404 },
  ],
  'QR codes': [
    {
      name: 'as SVG',
      path: '/urls/{searched}/qr.svg',
      status: 200,
      check: ({ headers, text }) => {
        expect(headers.get('content-type')).toBe('image/svg+xml; charset=utf-8')
        expect(text).toStartWith('<svg xmlns="http://www.w3.org/2000/svg" width="1024" height="1024" ')
      },
    },
    {
      name: 'as PNG',
      path: '/urls/{searched}/qr.png?size=300&margin=2&ecc=h&dark=%230a6a8f&light=ffe&track=1',
      status: 200,
      check: ({ headers, text }) => {
        expect(headers.get('content-type')).toBe('image/png')
        expect(text).toContain('PNG')
      },
    },
    ...(
      [
        ['a size that is no number', 'size=big', 'size'],
        ['a size below the least', 'size=63', 'size'],
        ['a size above the most', 'size=2049', 'size'],
        ['a size at which its modules have less than two pixels', 'size=64&margin=16', 'size'],
        ['a margin above the most', 'margin=17', 'margin'],
        ['a negative margin', 'margin=-1', 'margin'],
        ['an unknown correction', 'ecc=Z', 'ecc'],
        ['a colour by name', 'dark=red', 'dark'],
        ['a colour with transparency', 'light=ffffff80', 'light'],
        ['light modules', 'dark=fff&light=000', 'light'],
        ['one colour for both', 'light=000000', 'light'],
        ['a dark that is not', 'dark=eee', 'dark'],
        ['colours that are too similar', 'dark=888888&light=bbbbbb', 'light'],
        ['neither true nor false for track', 'track=maybe', 'track'],
        ['neither true nor false for capitals', 'capitals=maybe', 'capitals'],
        ['capitals of a code with lower-case letters', 'capitals=1', 'capitals'],
      ] as const
    ).map(([name, query, field]): Case => ({ name, path: `/urls/{searched}/qr.svg?${query}`, status: 400, field })),
    { name: 'of a code instead of an id', path: '/urls/searched-1/qr.png', status: 400, field: 'id' },
    { name: 'of an unknown link', path: '/urls/999/qr.png', status: 404 },
  ],
  tags: [
    ...story(
      {
        name: 'a link has them as they were written, once each',
        method: 'PATCH',
        path: '/urls/{tagged}',
        body: { tags: [' Contract ', 'CONTRACT', 'b'] },
        status: 200,
        expect: { tags: ['Contract', 'b'] },
      },
      {
        name: 'some come, some go',
        method: 'PATCH',
        path: '/urls/{tagged}',
        body: { add_tags: ['c'], remove_tags: ['B'] },
        status: 200,
        expect: { tags: ['Contract', 'c'] },
      },
      { name: 'find links', path: '/urls?tag=contract&tag=C', status: 200, expect: [{ id: '{tagged}' }] },
      { name: 'find links with any', path: '/urls?tag=contract,x&tags=any', status: 200, expect: [{ id: '{tagged}' }] },
      { name: 'leave links out', path: '/urls?tag=contract&tags=none&code=tagged-1', status: 200, expect: [] },
      {
        name: 'are listed with their links and clicks',
        path: '/api/tags?q=contract',
        status: 200,
        expect: [{ name: 'Contract', links: 1, clicks: 0, bots: 0, last_click: null }],
      },
      {
        name: 'have statistics',
        path: '/api/tags/contract/stats?from=2026-01-01&to=2026-01-02',
        status: 200,
        check: ({ body }) => {
          expect(body).toMatchObject({ tag: 'contract', links: 1, clicks: 0, referrers: [] })
          expect([body.by_day.length, body.by_hour.length]).toEqual([2, 48])
        },
      },
      {
        name: 'are renamed',
        method: 'PUT',
        path: '/api/tags/contract',
        body: { name: 'renamed' },
        status: 200,
        expect: { name: 'renamed', links: 1 },
      },
      { name: 'under the old name there is none', method: 'PUT', path: '/api/tags/contract', body: { name: 'x' }, status: 404 },
      { name: 'are merged', method: 'PUT', path: '/api/tags/c', body: { name: 'RENAMED' }, status: 200, expect: { links: 1 } },
      { name: 'into one', path: '/urls/{tagged}', status: 200, expect: { tags: ['renamed'] } },
      { name: 'are deleted', method: 'DELETE', path: '/api/tags/renamed', status: 204 },
      { name: 'once', method: 'DELETE', path: '/api/tags/renamed', status: 404 },
      { name: 'and are on no link', path: '/urls/{tagged}', status: 200, expect: { tags: [] } },
    ),
    { name: 'a new name with a bar', method: 'PUT', path: '/api/tags/x', body: { name: 'a|b' }, status: 400, field: 'name' },
    { name: 'no new name', method: 'PUT', path: '/api/tags/x', body: {}, status: 400, field: 'name' },
    { name: 'a tag with a bar', path: '/urls?tag=a&tag=b%7Cc', status: 400, field: 'tag[1]' },
    { name: 'an unknown match', path: '/urls?tag=a&tags=most', status: 400, field: 'tags' },
    {
      name: 'too many at once',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, tags: Array.from({ length: 31 }, (_, n) => `t${n}`) },
      status: 400,
      field: 'tags',
    },
    { name: 'a text', method: 'POST', path: '/urls', body: { original_url: target, tags: 'a' }, status: 400, field: 'tags' },
  ],
  events: [
    ...story(
      {
        name: 'write',
        method: 'POST',
        path: '/events',
        body: { event_type: 'note', url_id: '{noted}', user_id: '{writer}', details: { a: [1, { b: null }], ü: '😀' } },
        status: 201,
        expect: { event_type: 'note', url_id: '{noted}', details: { a: [1, { b: null }], ü: '😀' } },
      },
      { name: 'filter by type', path: '/events?event_type=note', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
      {
        name: 'filter by user',
        path: '/events?user_id={writer}&event_type=note',
        status: 200,
        check: ({ body }) => expect(body).toHaveLength(1),
      },
    ),
    {
      name: 'with nothing but a type',
      method: 'POST',
      path: '/events',
      body: { event_type: 'ping' },
      status: 201,
      expect: { url_id: null, user_id: null, details: { by: 'open' } },
    },
    {
      name: 'as somebody else',
      method: 'POST',
      path: '/events',
      body: { event_type: 'claim', details: { by: 'key', key_id: 1, key_name: 'boss', n: 1 } },
      status: 201,
      check: ({ body }) => expect(body.details).toEqual({ by: 'open', n: 1 }),
    },
    { name: 'no type', method: 'POST', path: '/events', body: { url_id: 1 }, status: 400, field: 'event_type' },
    { name: 'a blank type', method: 'POST', path: '/events', body: { event_type: ' ' }, status: 400, field: 'event_type' },
    {
      name: 'details as a list',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', details: [1] },
      status: 400,
      field: 'details',
    },
    {
      name: 'details as text',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', details: '{}' },
      status: 400,
      field: 'details',
    },
    {
      name: 'a NUL in the details',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', details: { a: ['\0'] } },
      status: 400,
      field: 'details.a[0]',
    },
    {
      name: 'a NUL in a key of the details',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', details: { 'a\0': 1 } },
      status: 400,
      field: 'details',
    },
    {
      name: 'an unknown link',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', url_id: 999 },
      status: 404,
      expect: { error: 'URL not found' },
    },
    {
      name: 'an unknown user',
      method: 'POST',
      path: '/events',
      body: { event_type: 'x', user_id: 999 },
      status: 404,
      expect: { error: 'User not found' },
    },
    ...['2025-09-19T22:25:05Z', '2025-09-19 22:25:05', '2025-09-20T00:25:05+02:00', '2025-09-19T22:25:05.000Z'].map(
      (timestamp): Case => ({
        name: `at ${timestamp}`,
        method: 'POST',
        path: '/events',
        body: { event_type: 'then', timestamp },
        status: 201,
        expect: { timestamp: '2025-09-19T22:25:05Z' },
      }),
    ),
    { name: 'at null', method: 'POST', path: '/events', body: { event_type: 'then', timestamp: null }, status: 201 },
    ...['yesterday', '2025-02-30', '', '1969-12-31T23:59:59Z', '2999-01-01', 1758320705, true, {}].map(
      (timestamp): Case => ({
        name: `at ${JSON.stringify(timestamp)}`,
        method: 'POST',
        path: '/events',
        body: { event_type: 'then', timestamp },
        status: 400,
        field: 'timestamp',
      }),
    ),
    ...story(
      {
        name: 'a click counts',
        method: 'POST',
        path: '/events',
        body: { event_type: 'click', url_id: '{clicked}' },
        status: 201,
      },
      { name: 'in the link', path: '/urls/{clicked}', status: 200, expect: { click_count: 1 } },
    ),
    { name: 'a bad filter', path: '/events?url_id=x', status: 400, field: 'url_id' },
    { name: 'unknown', path: '/events/1', status: 404, expect: { error: 'Event not found' } },
    { name: 'a bad id', path: '/events/x', status: 400, field: 'id' },
    { name: 'delete an unknown one', method: 'DELETE', path: '/events/1', status: 404 },
    {
      name: 'no change of events',
      method: 'PUT',
      path: '/events/1',
      body: {},
      status: 405,
      check: ({ headers }) => expect(headers.get('allow')).toBe('DELETE, GET, HEAD'),
    },
  ],
  'wrong methods and paths': [
    {
      name: 'PUT /users',
      method: 'PUT',
      path: '/users',
      status: 405,
      check: ({ headers }) => expect(headers.get('allow')).toBe('GET, HEAD, POST'),
    },
    { name: 'DELETE /urls', method: 'DELETE', path: '/urls', status: 405 },
    {
      name: 'POST to a code',
      method: 'POST',
      path: '/intl',
      body: {},
      status: 405,
      check: ({ headers }) => expect(headers.get('allow')).toBe('GET, HEAD'),
    },
    { name: 'POST /health', method: 'POST', path: '/health', body: {}, status: 405 },
    ...(
      [
        ['/users?order=x', 400],
        ['/users/?order=x', 400],
        ['/chaos', 401],
        ['/chaos/', 401],
        ['/nope', 404],
        ['/nope/', 404],
        ['/shorten', 405],
        ['/shorten/', 405],
      ] as const
    ).flatMap(([path, status]) =>
      ['text/html', 'application/json'].map(
        (accept): Case => ({
          name: `${path} for a client of ${accept}`,
          path,
          headers: { accept },
          status,
          check: ({ headers }) => expect(headers.get('content-type')).toStartWith(accept),
        }),
      ),
    ),
    {
      name: 'a path of two segments for a browser',
      path: '/urls/nope',
      headers: { accept: 'text/html' },
      status: 404,
      check: ({ headers }) => expect(headers.get('content-type')).toBe('application/json'),
    },
    { name: 'an unknown path', path: '/urls/1/nothing', status: 404 },
    { name: 'a deep unknown path', path: '/a/b/c', status: 404 },
  ],
  operations: [
    { name: '/health', path: '/health', status: 200, expect: { status: 'ok', hostname: expect.any(String) } },
    { name: '/ready', path: '/ready', status: 200, expect: { status: 'ready', dependencies: { database: 'up' } } },
    {
      name: '/metrics',
      path: '/metrics',
      status: 200,
      check: ({ text, headers }) => {
        expect(headers.get('content-type')).toStartWith('text/plain')
        expect(text).toContain('process_resident_memory_bytes')
        expect(text).toContain('waypost_database_up 1')
      },
    },
    { name: '/prometheus', path: '/prometheus', status: 200 },
    {
      name: '/metrics as JSON',
      path: '/metrics',
      headers: { accept: 'application/json' },
      status: 200,
      check: ({ body }) => {
        expect(body.cpu.percent).toBeNumber()
        expect(body.memory.rss_bytes).toBeGreaterThan(1_000_000)
      },
    },
    { name: '/metrics/json', path: '/metrics/json', status: 200 },
    ...story(
      {
        name: '/alert-status',
        path: '/alert-status',
        status: 200,
        expect: {
          service_down: { state: 'ok' },
          high_error_rate: { state: 'ok' },
          high_latency: { state: 'ok' },
          click_backlog: { state: 'ok' },
          clicks_dropped: { state: 'ok' },
          journal_skipped: { state: 'ok' },
          disk_space: { unit: expect.any(String) },
          clock_skew: { state: 'ok' },
          replica_lost: { state: 'ok' },
          database_slow: { unit: expect.any(String) },
          database_moved: { state: 'ok' },
          shared_cache_down: { state: 'ok' },
          memory_low: { unit: expect.any(String) },
          descriptors_low: { state: 'ok' },
          unknown_flood: { state: 'ok' },
          targets_refused: { unit: expect.any(String) },
        },
      },
      { name: 'an alert tried out', method: 'POST', path: '/api/alerts/service_down/test', status: 202 },
    ),
    {
      name: '/logs',
      path: '/logs?limit=3',
      status: 200,
      check: ({ body }) => {
        expect(body.count).toBe(3)
        expect(body.logs[0].sequence).toBeGreaterThan(body.logs[1].sequence)
      },
    },
    {
      name: '/logs of warnings',
      path: '/logs?level=WARNING',
      status: 200,
      check: ({ body }) => expect(body.logs.every(({ level }: { level: string }) => level === 'warn')).toBe(true),
    },
    { name: '/logs of an unknown level', path: '/logs?level=loud', status: 400, field: 'level' },
    {
      name: '/logs at most 200',
      path: '/logs?limit=9999',
      status: 200,
      check: ({ body }) => expect(body.count).toBeLessThanOrEqual(200),
    },
    {
      name: '/logs for a browser',
      path: '/logs?filter=x',
      headers: { accept: 'text/html' },
      status: 302,
      check: ({ headers }) => expect(headers.get('location')).toEndWith('/console/logs?filter=x'),
    },
    { name: '/chaos ended, on this replica', method: 'DELETE', path: '/chaos', headers: CHAOS, status: 204 },
    {
      name: '/chaos ended, on all',
      method: 'DELETE',
      path: '/chaos?replica=all',
      headers: CHAOS,
      status: 200,
      expect: { asked: 1 },
    },
    {
      name: '/chaos armed',
      method: 'POST',
      path: '/chaos',
      body: { fault: 'latency', duration: 1, latency_ms: 1 },
      headers: CHAOS,
      status: 204,
    },
    {
      name: '/chaos armed on all',
      method: 'POST',
      path: '/chaos?replica=all',
      body: { fault: 'latency', duration: 1, latency_ms: 1 },
      headers: CHAOS,
      status: 200,
    },
    ...[
      '/api/alerts',
      '/api/notices',
      '/api/session',
      '/api/fleet',
      '/api/fleet/targets',
      '/api/overview',
      '/api/chaos',
      '/api/about',
      '/api/config',
    ].map((path): Case => ({ name: path, path, status: 200 })),
    { name: '/api/overview/samples', path: '/api/overview/samples?from=0&to=60', status: 200 },
    { name: '/api/overview/stream without asking for one', path: '/api/overview/stream', status: 406 },
    {
      name: '/api/overview/stream, its head',
      method: 'HEAD',
      path: '/api/overview/stream',
      headers: { accept: 'text/event-stream' },
      status: 200,
    },
    {
      name: '/api/streams, its head',
      method: 'HEAD',
      path: '/api/streams?of=overview',
      headers: { accept: 'text/event-stream' },
      status: 200,
    },
    { name: '/api/streams without asking for one', path: '/api/streams?of=/logs', status: 406 },
    { name: '/chaos, another replica killed', path: '/chaos?replica=all', headers: CHAOS, status: 400, field: 'replica' },
    {
      name: 'a key of an unknown user',
      method: 'POST',
      path: '/api/keys',
      body: { name: 'any', scope: 'read', user_id: 999 },
      status: 404,
    },
    { name: '/api/export/links.csv', path: '/api/export/links.csv', status: 200 },
    { name: 'an unknown alert', method: 'POST', path: '/api/alerts/none/test', status: 404 },
    ...story(
      {
        name: 'a link to a host that will be blocked',
        method: 'POST',
        path: '/urls',
        body: { original_url: 'https://evil.example/', short_code: 'evil_1' },
        status: 201,
      },
      { name: 'a host blocked', method: 'POST', path: '/api/blocklist', body: { host: 'evil.example' }, status: 201 },
      { name: 'a host blocked twice', method: 'POST', path: '/api/blocklist', body: { host: 'evil.example' }, status: 200 },
      { name: 'blocked hosts', path: '/api/blocklist', status: 200 },
      ...['/evil_1', '/urls/evil_1', '/urls/evil_1/redirect'].map(
        (path): Case => ({ name: `${path} to a blocked host`, path, status: 410 }),
      ),
      { name: 'a host unblocked', method: 'DELETE', path: '/api/blocklist/evil.example', status: 204 },
      { name: 'a host unblocked twice', method: 'DELETE', path: '/api/blocklist/evil.example', status: 404 },
    ),
    { name: 'one event', path: '/events?per_page=1', status: 200 },
    {
      name: 'users imported',
      method: 'POST',
      path: '/users/bulk',
      body: csv('username,email\neve,eve@example.com\n'),
      status: 201,
    },
    {
      name: 'links imported',
      method: 'POST',
      path: '/urls/bulk',
      body: csv('original_url\nhttps://example.com/i\n'),
      status: 201,
    },
    { name: '/chaos without its token', path: '/chaos', headers: { 'x-chaos-token': 'guess' }, status: 401 },
    {
      name: '/openapi.json',
      path: '/openapi.json',
      status: 200,
      check: ({ body }) => {
        expect(body.openapi).toStartWith('3.')
        expect(Object.keys(body.paths)).toContain('/urls/{id}/stats')
        expect(Object.keys(body.paths['/users'].post.requestBody.content)).toEqual(['application/json'])
        expect(body.paths['/users/{id}'].get.parameters[0]).toMatchObject({ name: 'id', in: 'path', required: true })
      },
    },
    { name: '/swagger/json', path: '/swagger/json', status: 200 },
    { name: '/', path: '/', status: 302, check: ({ headers }) => expect(headers.get('location')).toBe('/console') },
    { name: '/robots.txt', path: '/robots.txt', status: 200 },
  ],
  'cascade of a user': [
    ...story(
      { name: 'delete', given: ['ada', 'farewell', 'lastClick'], method: 'DELETE', path: '/users/{leaver}', status: 204 },
      { name: 'the user is gone', path: '/users/{leaver}', status: 404 },
      { name: 'with its links', path: '/urls/{left}', status: 404 },
      { name: 'their events', path: '/events?url_id={left}', status: 200, expect: [] },
      { name: 'and its own events', path: '/events?user_id={leaver}', status: 200, expect: [] },
      { name: 'twice', method: 'DELETE', path: '/users/{leaver}', status: 404 },
      { name: 'others stay', path: '/users/{ada}', status: 200 },
    ),
  ],
}

/** Counts of wrong secrets and unknown codes that the server takes: more than the rows need, fewer than an hour gives back. */
const [SIGN_INS, UNKNOWN] = [20, 100]

/** Valid for each operation that needs a body and finds nothing under its id, or no such replica. */
const HARMLESS = { title: 'x', username: 'x', fault: 'latency', duration: 1 }

/**
 * Statuses that the document has and nothing here meets. `GET /chaos` would end the server; the others need SEED_DIR, a full list, a fleet,
 * or a server that starts. Of every operation, 304 is for other tests, 408 takes 20 s, and nothing should provoke a 500.
 */
const MET_ELSEWHERE = [
  'DELETE /chaos: 503',
  'GET /chaos: 204',
  'GET /ready: 503',
  'PATCH /urls/bulk: 409',
  'POST /api/blocklist: 409',
  'POST /api/keys: 409',
  'POST /chaos: 503',
  'POST /events: 409',
  'POST /urls/bulk: 404',
  'POST /users/bulk: 404',
  'PUT /urls/{id}: 409',
]

type Document = {
  paths: Record<string, Record<string, { responses: object; requestBody?: object; parameters?: { in: string; name: string }[] }>>
}

/** The operations of the document; `at` is the path with this in place of each parameter. */
const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { responses, requestBody, parameters = [] }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      at: (id: string) => path.replace(/\{\w+\}/g, id),
      path: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
      queries: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      hasBody: requestBody !== undefined,
      statuses: Object.keys(responses).filter((status) => status !== 'default'),
      fixed: path.split('/').filter((part) => part && !part.startsWith('{')).length,
    })),
  )

const random = randomFrom(printedSeed('contract'))
const rows = Object.values(groups).flat()

/** A server that never reached its database. It takes 4 s to start, and 4 s to stop. */
let losing: Promise<TestServer> | undefined
afterAll(async () => {
  await (await losing)?.stop()
})

describe.each(databases)('the contract on the $name database', (kind) => {
  let server: TestServer
  const seen: { method: string; path: string; status: number }[] = []
  const answers = new Map<Case, Promise<void>>()
  const ids = new Map<string, number>()
  beforeAll(async () => {
    server = await serveOn(kind, { CHAOS_TOKEN, RATE_SIGN_IN: `${SIGN_INS}/h`, RATE_UNKNOWN: `${UNKNOWN}/h` })
    for (const row of rows) if (row.atStart) await answerOf(row).catch(() => {}) // its own test tells of it
  })
  afterAll(() => server.stop())

  /** Makes a fixture, once; its id. */
  async function make(name: string): Promise<number> {
    const known = ids.get(name)
    if (known !== undefined) return known
    const { path, body, visits = [] }: Fixture = fixtures[name as FixtureName]
    const made = await server.post(path, await fill(body))
    expect([name, made.status, made.text]).toEqual([name, 201, expect.anything()])
    ids.set(name, made.body.id)
    for (const path of visits) await server.get(path)
    return made.body.id
  }

  /** `value` with the ids of the fixtures that it names, as {ada}. */
  async function fill(value: unknown): Promise<any> {
    if (typeof value === 'string') {
      const name = /^\{(\w+)\}$/.exec(value)?.[1]
      return name ? make(name) : value
    }
    if (Array.isArray(value)) return Array.fromAsync(value, fill)
    if (!value || Object.getPrototypeOf(value) !== Object.prototype) return value // expect.any is an object too
    return Object.fromEntries(await Array.fromAsync(Object.entries(value), async ([key, one]) => [key, await fill(one)]))
  }

  async function fillPath(path: string): Promise<string> {
    for (const [placeholder, name] of path.matchAll(/\{(\w+)\}/g)) path = path.replace(placeholder, String(await make(name!)))
    return path
  }

  /** Asks, and compares the answer, once for each row, after what comes before it. */
  function answerOf(row: Case): Promise<void> {
    const answer = answers.get(row) ?? tryOut(row)
    answers.set(row, answer)
    return answer
  }

  async function tryOut(row: Case) {
    if (row.after) await answerOf(row.after)
    for (const name of row.given ?? []) await make(name)
    const { method = 'GET', headers, status, check, field } = row
    const path = await fillPath(row.path)
    const body = await fill(row.body)
    const part = await fill(row.expect)
    let answer = await server.call(method, path, body, headers)
    while (answer.headers.has('x-clicks-pending')) answer = await server.call(method, path, body, headers)
    seen.push({ method: method === 'HEAD' ? 'GET' : method, path, status: answer.status })
    expect({ status: answer.status, text: answer.status === status ? '' : answer.text }).toEqual({ status, text: '' })
    expect(answer.headers.get('x-content-type-options') ?? 'nosniff').toBe('nosniff')
    if (status >= 400 && !headers?.accept?.includes('html') && method !== 'HEAD') {
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect([typeof answer.body.error, typeof answer.body.request_id]).toEqual(['string', 'string'])
    }
    if (field) expect(answer.body.details.map((detail: { field: string }) => detail.field)).toContain(field)
    if (Array.isArray(part)) {
      expect(answer.body).toHaveLength(part.length)
      expect(answer.body).toMatchObject(part)
    } else if (part) expect(answer.body).toMatchObject(part as Record<string, unknown>)
    check?.(answer, (name) => ids.get(name)!)
  }

  for (const [group, cases] of random.shuffled(Object.entries(groups)))
    describe(group, () => {
      test.each(random.shuffled(cases))('$name', answerOf)
    })

  test('/metrics counts each request once', async () => {
    const watched = [
      'waypost_http_requests_total{method="GET",route="/health",status="200"}',
      'waypost_http_requests_total{method="GET",route="/users/:id",status="404"}',
      'waypost_http_requests_total{method="GET",route="/:code",status="302"}',
      'waypost_redirects_total{result="hit"}',
      'waypost_http_request_duration_seconds_bucket{method="POST",route="/users",status="201",le="+Inf"}',
    ]
    const counts = async () => {
      const lines = (await server.get('/metrics')).text.split('\n')
      return watched.map((name) => Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? 0))
    }
    const total = async () => (await server.get('/metrics/json')).body.requests.total
    await server.post('/urls', { original_url: target, short_code: 'measured' })
    const [before, totalBefore] = [await counts(), await total()]
    await server.get('/health')
    await server.get('/users/999')
    for (let n = 0; n < 3; n++) await server.get('/measured')
    for (const username of ['one', 'two']) await server.post('/users', { username, email: `${username}@example.com` })
    const after = await counts()
    expect(after.map((count, i) => count - before[i]!)).toEqual([1, 1, 3, 2, 2])
    expect(await total()).toBeGreaterThanOrEqual(totalBefore + 7)
  })

  test('/logs filtered', async () => {
    let found: Answer
    await until('a request is in the log, which takes 200 a second', async () => {
      await server.get('/users/999')
      found = await server.get('/logs?filter=/users/999&level=INFO')
      return found.body.count > 0
    })
    for (const line of found!.body.logs) expect(JSON.stringify(line)).toContain('/users/999')
  })

  test('of the spellings of one name that race, one wins', async () => {
    const names = ['Ren\u00e9', 'Rene\u0301', ' Ren\u00e9', 'Rene\u0301\u00a0']
    const answers = await Promise.all(
      names.map((username, i) => server.post('/users', { username, email: `rene${i}@example.com` })),
    )
    const told = answers.map(({ status, text }) => `${status} ${text}`).sort()
    expect(told).toEqual([201, 409, 409, 409].map((status) => expect.stringMatching(new RegExp(`^${status} `))))
    // As a client of the functions themselves, who tidies nothing.
    const call = (name: string, email: string) =>
      server.database.run((sql) => sql`select conflict, username from create_user(${name}, ${email})`)
    const calls = await Promise.all(
      ['Am\u00e9lie', 'Ame\u0301lie', '\tAm\u00e9lie\u3000'].map((name, i) => call(name, ` z${i}@example.com `)),
    )
    expect(calls.filter(([row]) => row!.conflict === 'username')).toHaveLength(2)
    expect(calls.filter(([row]) => row!.username === 'Am\u00e9lie')).toHaveLength(1)
    const [{ id }] = (await server.get('/users?username=Am%C3%A9lie')).body
    const [changed] = await server.database.run((sql) => sql`select conflict from update_user(${id}, ${'Rene\u0301 '}, null)`)
    expect(changed!.conflict).toBe('username')
  })

  test('the document has every status that was seen, and no other but a few', async () => {
    losing ??= serveOn(kind, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, {})
    for (const row of rows) await answerOf(row).catch(() => {}) // its own test tells of it
    const operations = operationsOf((await server.get('/openapi.json')).body)
    const ask = async (method: string, path: string, body?: unknown, headers?: Record<string, string>, of = server) => {
      const answer = await of.call(method, path, body, headers)
      seen.push({ method, path, status: answer.status })
      return answer
    }
    for (const { method, at, queries, hasBody } of operations) {
      const harmless = hasBody ? HARMLESS : undefined
      if (at('1') !== at('2')) for (const id of ['%00', '999999']) await ask(method, at(id), harmless)
      for (const name of queries) await ask(method, `${at('1')}?${name}=%ff`)
      if (queries.includes('replica'))
        await ask(method, `${at('1')}?replica=none`, harmless, { ...CHAOS, accept: 'text/event-stream' })
      if (hasBody) {
        for (const body of ['{', ' '.repeat(2_000_000)]) await ask(method, at('1'), body, CHAOS)
        await ask(method, at('1'), 'text', { ...CHAOS, 'content-type': 'text/plain' })
      }
      await ask(method, at('1'), undefined, { via: '1.1 proxy' }) // open mode is for this machine alone
    }
    const event = await ask('POST', '/events', { event_type: 'last' })
    await ask('GET', `/events/${event.body.id}`)
    await ask('DELETE', `/events/${event.body.id}`)
    await ask('GET', '/api/keys')

    // The first key ends open mode.
    const { body: made } = await ask('POST', '/api/keys', { name: 'last', scope: 'admin' })
    const bearer = { authorization: `Bearer ${made.key}` }
    const wrong = { authorization: 'Bearer none', 'x-chaos-token': 'none' }
    await ask('POST', '/api/session', { token: made.key })
    await ask('POST', '/api/session', { token: 'none' })
    for (const method of ['GET', 'DELETE']) await ask(method, '/api/session', undefined, wrong)
    for (const { method, at } of operations) await ask(method, at('1'))
    await ask('DELETE', '/api/sessions', undefined, bearer)
    await ask('DELETE', `/api/keys/${made.id}`, undefined, bearer)
    for (let n = 0; n < SIGN_INS; n++) await server.get('/users', wrong)
    for (let n = 0; n < UNKNOWN; n++) await server.get('/nobody')
    for (const { method, at } of operations) await ask(method, at('nobody'), undefined, wrong)

    const lost = await losing
    for (const { method, at } of operations) await ask(method, at('nobody'), undefined, {}, lost)

    const undocumented = new Set<string>()
    const met = new Set<string>()
    for (const { method, path, status } of seen) {
      const [bare = ''] = path.split('?')
      const fitting = operations.filter((one) => one.method === method && one.path.test(bare)).sort((a, b) => b.fixed - a.fixed)
      if (!fitting[0] || status === 405) continue
      met.add(`${fitting[0].name}: ${status}`)
      if (!fitting[0].statuses.includes(String(status))) undocumented.add(`${fitting[0].name}: ${status}`)
    }
    expect([...undocumented]).toEqual([])
    const documented = operations.flatMap(({ name, statuses }) => statuses.map((status) => `${name}: ${status}`))
    const unseen = documented.filter((one) => !met.has(one) && !/: (304|408|500)$/.test(one))
    expect(unseen.sort()).toEqual(MET_ELSEWHERE)
  })
})
