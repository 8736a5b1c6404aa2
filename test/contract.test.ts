// The promise to our users: the whole API as a list, on the embedded database and on a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { type Answer, serveOn, type TestServer } from './server.ts'

type Case = {
  name: string
  method?: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  status: number
  /** A part of the body, by value; or a check of the whole answer. */
  expect?: unknown
  check?: (answer: Answer) => void
  /** For a 400: the field that must be named. */
  field?: string
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const target = 'https://example.com/a/page?x=1#top'

const groups: Record<string, Case[]> = {
  users: [
    {
      name: 'none yet',
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
      body: { username: 'ada', email: 'Ada@Example.com' },
      status: 201,
      check: ({ body, headers }) => {
        expect(body).toEqual({ id: 1, username: 'ada', email: 'Ada@Example.com', created_at: expect.stringMatching(TIME) })
        expect(headers.get('location')).toBe('/users/1')
      },
    },
    {
      name: 'a taken username',
      method: 'POST',
      path: '/users',
      body: { username: 'ada', email: 'other@example.com' },
      status: 409,
      expect: { details: [{ field: 'username' }] },
    },
    {
      name: 'a taken e-mail, in another case',
      method: 'POST',
      path: '/users',
      body: { username: 'eva', email: 'aDA@example.COM' },
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
      name: 'a second one',
      method: 'POST',
      path: '/users',
      body: { username: 'bob', email: 'bob@example.com', id: 99, role: 'root' },
      status: 201,
      expect: { id: 2 },
    },
    { name: 'read', path: '/users/1', status: 200, expect: { username: 'ada' } },
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
    { name: 'filter by username', path: '/users?username=ada', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
    {
      name: 'filter by e-mail, in any case',
      path: '/users?email=ADA@EXAMPLE.com',
      status: 200,
      check: ({ body }) => expect(body[0].id).toBe(1),
    },
    {
      name: 'PATCH',
      method: 'PATCH',
      path: '/users/1',
      body: { username: 'ada2' },
      status: 200,
      expect: { username: 'ada2', email: 'Ada@Example.com' },
    },
    {
      name: 'PUT of the whole object',
      method: 'PUT',
      path: '/users/1',
      body: { id: 5, username: 'ada', email: 'ada@example.com', created_at: 'x' },
      status: 200,
      expect: { id: 1, username: 'ada', email: 'ada@example.com' },
    },
    { name: 'PUT of a taken username', method: 'PUT', path: '/users/1', body: { username: 'bob' }, status: 409 },
    { name: 'PUT of its own username', method: 'PUT', path: '/users/1', body: { username: 'ada' }, status: 200 },
    { name: 'PUT of no known field', method: 'PUT', path: '/users/1', body: { role: 'root' }, status: 400, field: 'body' },
    { name: 'PATCH of an unknown user', method: 'PATCH', path: '/users/999', body: { username: 'zed' }, status: 404 },
  ],
  'bodies that are none': [
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
  links: [
    {
      name: 'create',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, user_id: 1, title: 'A page' },
      status: 201,
      check: ({ body, headers }) => {
        expect(body).toEqual({
          id: 1,
          user_id: 1,
          short_code: expect.stringMatching(/^[A-Za-z0-9]{6}$/),
          short_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[A-Za-z0-9]{6}$/),
          original_url: target,
          title: 'A page',
          is_active: true,
          click_count: 0,
          created_at: expect.stringMatching(TIME),
          updated_at: expect.stringMatching(TIME),
        })
        expect(headers.get('location')).toBe('/urls/1')
      },
    },
    {
      name: 'the same URL makes another link',
      method: 'POST',
      path: '/urls',
      body: { original_url: target },
      status: 201,
      expect: { id: 2, user_id: null, title: null },
    },
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
    { name: 'shorten nothing', method: 'POST', path: '/shorten', body: {}, status: 400, field: 'url' },
    { name: 'read', path: '/urls/1', status: 200, expect: { id: 1, original_url: target } },
    { name: 'unknown', path: '/urls/999', status: 404, expect: { error: 'URL not found' } },
    { name: 'a GET with a JSON body', path: '/urls/1', status: 200, headers: { 'content-type': 'application/json' } },
    {
      name: 'links of a user',
      path: '/users/1/urls',
      status: 200,
      check: ({ body, headers }) => {
        expect(body.map(({ id }: { id: number }) => id)).toEqual([1])
        expect(headers.get('x-total-count')).toBe('1')
      },
    },
    { name: 'links of an unknown user', path: '/users/999/urls', status: 404 },
    { name: 'filter by user', path: '/urls?user_id=1', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
    { name: 'filter by a huge user', path: '/urls?user_id=99999999999999999999', status: 200, expect: [] },
    { name: 'filter by activity', path: '/urls?is_active=FALSE', status: 200, expect: [] },
    { name: 'search', path: '/urls?q=EXAMPLE.com/own', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
    { name: 'a search for a wildcard finds it literally', path: '/urls?q=%25', status: 200, expect: [] },
    {
      name: 'newest first',
      path: '/urls?order=desc&per_page=2',
      status: 200,
      check: ({ body, headers }) => {
        expect(body[0].id).toBeGreaterThan(body[1].id)
        expect(headers.get('x-next-cursor')).toBe(String(body[1].id))
      },
    },
    { name: 'an order that is none', path: '/urls?order=up', status: 400, field: 'order' },
    { name: 'a bad activity', path: '/urls?is_active=banana', status: 400, field: 'is_active' },
    { name: 'a bad user filter', path: '/urls?user_id=abc', status: 400, field: 'user_id' },
    { name: 'a NUL in a filter', path: '/urls?q=a%00b', status: 400, field: 'q' },
    { name: 'unknown parameters are ignored', path: '/urls?banana=1&user_id=1', status: 200 },
    {
      name: 'of a repeated parameter the last counts',
      path: '/urls?user_id=abc&user_id=1',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
    {
      name: 'PATCH one field',
      method: 'PATCH',
      path: '/urls/2',
      body: { title: 'New' },
      status: 200,
      expect: { title: 'New', original_url: target },
    },
    {
      name: 'PUT the whole object back',
      method: 'PUT',
      path: '/urls/2',
      body: {
        id: 2,
        short_code: 'zzz',
        user_id: 7,
        original_url: 'https://example.com/two',
        title: null,
        is_active: false,
        click_count: 99,
        created_at: 'no',
      },
      status: 200,
      expect: { id: 2, original_url: 'https://example.com/two', title: null, is_active: false, click_count: 0, user_id: null },
    },
    {
      name: 'one updated event a changed field',
      path: '/urls/2/events',
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
            { field: 'title', new_value: 'New' },
            { field: 'title', new_value: null },
            { field: 'is_active', new_value: false },
            { field: 'original_url', new_value: 'https://example.com/two' },
          ]),
        )
      },
    },
    { name: 'a change of nothing', method: 'PATCH', path: '/urls/2', body: { is_active: false }, status: 200 },
    {
      name: 'writes no event',
      path: '/events?url_id=2&event_type=updated',
      status: 200,
      check: ({ headers }) => expect(headers.get('x-total-count')).toBe('4'),
    },
    {
      name: 'a target that is none',
      method: 'PATCH',
      path: '/urls/2',
      body: { original_url: 'javascript:x' },
      status: 400,
      field: 'original_url',
    },
    { name: 'is_active as text', method: 'PATCH', path: '/urls/2', body: { is_active: 'true' }, status: 400, field: 'is_active' },
    { name: 'is_active as null', method: 'PATCH', path: '/urls/2', body: { is_active: null }, status: 400, field: 'is_active' },
    { name: 'no known field', method: 'PATCH', path: '/urls/2', body: { short_code: 'x' }, status: 400, field: 'body' },
    { name: 'a code instead of an id', method: 'PATCH', path: '/urls/my-code_1', body: { title: 'x' }, status: 400, field: 'id' },
    { name: 'an unknown link', method: 'PATCH', path: '/urls/999', body: { title: 'x' }, status: 404 },
  ],
  redirects: [
    {
      name: 'MISS',
      path: '/my-code_1',
      status: 302,
      check: ({ headers }) => {
        expect(headers.get('location')).toBe('https://example.com/own')
        expect(headers.get('cache-control')).toBe('private, no-store')
        expect(headers.get('x-cache')).toBe('MISS')
      },
    },
    { name: 'HIT', path: '/my-code_1?utm=1', status: 302, check: ({ headers }) => expect(headers.get('x-cache')).toBe('HIT') },
    {
      name: 'below /urls',
      path: '/urls/my-code_1',
      status: 302,
      check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/own'),
    },
    { name: 'below /urls, named', path: '/urls/my-code_1/redirect', status: 302 },
    {
      name: 'HEAD is not counted',
      method: 'HEAD',
      path: '/my-code_1',
      status: 302,
      check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/own'),
    },
    { name: 'every click was counted once', path: '/urls/3', status: 200, expect: { click_count: 4 } },
    {
      name: 'by the statistics too',
      path: '/urls/my-code_1/stats',
      status: 200,
      expect: { clicks: 4, bots: 4, id: 3 },
      check: ({ body }) => {
        expect(Object.keys(body)[0]).toBe('clicks')
        expect(body.by_hour.reduce((sum: number, { clicks }: { clicks: number }) => sum + clicks, 0)).toBe(4)
      },
    },
    {
      name: 'and in the events',
      path: '/events?url_id=3&event_type=click',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(4),
    },
    {
      name: 'the preview',
      path: '/my-code_1+',
      status: 200,
      expect: { short_code: 'my-code_1', original_url: 'https://example.com/own', is_active: true },
    },
    { name: 'an unknown code', path: '/nope', status: 404, expect: { error: 'URL not found' } },
    { name: 'an unknown code below /urls', path: '/urls/nope', status: 404 },
    { name: 'an unknown preview', path: '/nope+', status: 404 },
    { name: 'no code at all', path: '/.env', status: 404 },
    { name: 'a code too long', path: `/${'a'.repeat(65)}`, status: 404 },
    { name: 'a malformed %', path: '/%zz', status: 400 },
    { name: 'an inactive link', method: 'PATCH', path: '/urls/3', body: { is_active: false }, status: 200 },
    { name: 'is 404 at once', path: '/my-code_1', status: 404 },
    {
      name: 'and back',
      method: 'PUT',
      path: '/urls/3',
      body: { is_active: true, original_url: 'https://example.com/moved' },
      status: 200,
    },
    {
      name: 'at its new target at once',
      path: '/my-code_1',
      status: 302,
      check: ({ headers }) => expect(headers.get('location')).toBe('https://example.com/moved'),
    },
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
  deleting: [
    { name: 'soft', method: 'DELETE', path: '/urls/1?soft=true', status: 200, expect: { id: 1, is_active: false } },
    { name: 'soft keeps it', path: '/urls/1', status: 200, expect: { is_active: false } },
    {
      name: 'with a reason',
      method: 'DELETE',
      path: '/urls/3?reason=policy',
      status: 204,
      check: ({ text }) => expect(text).toBe(''),
    },
    { name: 'it is gone', path: '/urls/3', status: 404 },
    { name: 'from redirects', path: '/my-code_1', status: 404 },
    { name: 'from lists', path: '/urls?q=moved', status: 200, expect: [] },
    { name: 'twice', method: 'DELETE', path: '/urls/3', status: 404 },
    {
      name: 'its events stay',
      path: '/urls/3/events',
      status: 200,
      check: ({ body }) =>
        expect(body.find((event: { event_type: string }) => event.event_type === 'deleted').details).toEqual({
          reason: 'policy',
        }),
    },
    { name: 'its totals stay', path: '/urls/3/stats', status: 200, expect: { clicks: 5 } },
    {
      name: 'its code is never issued again',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'my-code_1' },
      status: 409,
    },
    { name: 'the reason is manual by default', method: 'DELETE', path: '/urls/2', status: 204 },
    {
      name: 'as its event says',
      path: '/events?url_id=2&event_type=deleted',
      status: 200,
      expect: [{ details: { reason: 'manual' } }],
    },
    { name: 'purge', method: 'DELETE', path: '/urls/3?purge=true', status: 204 },
    { name: 'erases the events', path: '/events?url_id=3', status: 200, expect: [] },
    { name: 'and the statistics', path: '/urls/3/stats', status: 404 },
    {
      name: 'but not the code',
      method: 'POST',
      path: '/urls',
      body: { original_url: target, short_code: 'my-code_1' },
      status: 409,
    },
    { name: 'purge twice', method: 'DELETE', path: '/urls/3?purge=true', status: 404 },
    { name: 'an unknown link', method: 'DELETE', path: '/urls/999', status: 404 },
  ],
  events: [
    {
      name: 'write',
      method: 'POST',
      path: '/events',
      body: { event_type: 'note', url_id: 1, user_id: 1, details: { a: [1, { b: null }], ü: '😀' } },
      status: 201,
      expect: { event_type: 'note', url_id: 1, details: { a: [1, { b: null }], ü: '😀' } },
    },
    {
      name: 'with nothing but a type',
      method: 'POST',
      path: '/events',
      body: { event_type: 'ping' },
      status: 201,
      expect: { url_id: null, user_id: null, details: {} },
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
    { name: 'a click counts', method: 'POST', path: '/events', body: { event_type: 'click', url_id: 1 }, status: 201 },
    { name: 'in the link', path: '/urls/1', status: 200, expect: { click_count: 1 } },
    { name: 'filter by type', path: '/events?event_type=note', status: 200, check: ({ body }) => expect(body).toHaveLength(1) },
    {
      name: 'filter by user',
      path: '/events?user_id=1&event_type=note',
      status: 200,
      check: ({ body }) => expect(body).toHaveLength(1),
    },
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
        expect(text).toContain('waypost_http_requests_total{method="GET",route="/health",status="200"} 1')
        expect(text).toContain('waypost_http_requests_total{method="GET",route="/users/:id",status="404"}')
        expect(text).toMatch(/waypost_http_requests_total\{method="GET",route="\/:code",status="302"\} [1-9]/)
        expect(text).toMatch(/waypost_redirects_total\{result="hit"\} [1-9]/)
        expect(text).toContain(
          'waypost_http_request_duration_seconds_bucket{method="POST",route="/users",status="201",le="+Inf"} 2',
        )
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
        expect(body.requests.total).toBeGreaterThan(100)
      },
    },
    { name: '/metrics/json', path: '/metrics/json', status: 200 },
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
      name: '/logs filtered',
      path: '/logs?filter=/users/999&level=INFO',
      status: 200,
      check: ({ body }) => {
        expect(body.count).toBeGreaterThan(0)
        for (const line of body.logs) expect(JSON.stringify(line)).toContain('/users/999')
      },
    },
    {
      name: '/logs of warnings',
      path: '/logs?level=WARNING',
      status: 200,
      check: ({ body }) => expect(body.logs.every(({ level }: { level: string }) => level === 'warn')).toBe(true),
    },
    { name: '/logs of a level that is none', path: '/logs?level=loud', status: 400, field: 'level' },
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
    { name: '/chaos without a token set', path: '/chaos', headers: { 'x-chaos-token': 'guess' }, status: 401 },
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
    { name: 'delete', method: 'DELETE', path: '/users/1', status: 204 },
    { name: 'the user is gone', path: '/users/1', status: 404 },
    { name: 'with its links', path: '/urls/1', status: 404 },
    { name: 'their events', path: '/events?url_id=1', status: 200, expect: [] },
    { name: 'and its own events', path: '/events?user_id=1', status: 200, expect: [] },
    { name: 'twice', method: 'DELETE', path: '/users/1', status: 404 },
    { name: 'others stay', path: '/users/2', status: 200 },
  ],
}

describe.each(databases)('the contract on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
  }, 60_000)
  afterAll(() => server.stop())

  for (const [group, cases] of Object.entries(groups))
    describe(group, () => {
      test.each(cases)('$name', async ({ method = 'GET', path, body, headers, status, expect: part, check, field }) => {
        let answer = await server.call(method, path, body, headers)
        while (answer.headers.has('x-clicks-pending')) answer = await server.call(method, path, body, headers)
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
        check?.(answer)
      })
    })
})
