// Whatever is sent to a route of the OpenAPI document, the server answers: never a 5xx, and every error is JSON that names itself.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CODE, RESERVED } from '../src/base/code.ts'
import { readConfig } from '../src/config/config.ts'
import { generateCode } from '../src/links/code.ts'
import { consoleRoutes } from '../src/server/console.ts'
import { TAGS } from '../src/server/resources.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer } from './server.ts'
import { exchange } from './wire.ts'

const RUNS_AN_OPERATION = 40 // of some 30
const seed = printedSeed('property')

type Schema = {
  type?: string
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
}
type Parameter = { name: string; in: 'path' | 'query' }
type Operation = { method: string; path: string; parameters: Parameter[]; bodies: Record<string, { schema: Schema }> }
type Sent = { method: string; path: string; headers: Record<string, string>; body: string }

const FIRST = ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'] // what is deleted first is not tried at all

function operationsOf(document: any): Operation[] {
  return Object.entries<any>(document.paths)
    .flatMap(([path, operations]) =>
      Object.entries<any>(operations).map(([method, { parameters = [], requestBody }]) => ({
        method: method.toUpperCase(),
        path,
        parameters,
        bodies: requestBody?.content ?? {},
      })),
    )
    .sort((a, b) => FIRST.indexOf(a.method) - FIRST.indexOf(b.method))
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ minLength: 60, maxLength: 600 }),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    '\udfff',
    '%',
    '%zz',
    "' or 1=1 --",
    '../..',
    '\u202e',
    '1e9',
    '-0',
    'NaN',
    '٣',
  ),
  fc.webUrl({ withFragments: true, withQueryParameters: true, validSchemes: ['http', 'https', 'ftp', 'javascript'] }),
)
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, -1, 1.5, 2 ** 31, 2 ** 53, 2 ** 53 - 1, 2 ** 63, 2 ** 70, 1e308, Number.MIN_VALUE),
)
const nested = fc.integer({ min: 1, max: 200 }).map((depth) => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value }
  return value
})
const wild: fc.Arbitrary<unknown> = fc.oneof(
  text,
  number,
  nested,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue(),
  fc.array(text),
)

/** Mostly what the schema allows. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting))
  if (schema.type === 'object' && schema.properties)
    return fc.record(Object.fromEntries(Object.entries(schema.properties).map(([name, inner]) => [name, fitting(inner)])), {
      requiredKeys: schema.required ?? [],
    })
  if (schema.type === 'object') return fc.dictionary(fc.string(), fc.jsonValue())
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type === 'integer' || schema.type === 'number') return fc.integer({ min: 1, max: 40 })
  if (schema.pattern) return fc.oneof(fc.stringMatching(new RegExp(schema.pattern)), fc.constant('known'))
  if (schema.format === 'address') return fc.oneof(fc.emailAddress(), fc.constant('USER3@example.com'))
  if (schema.type !== 'string') return fc.jsonValue()
  const { minLength = 0, maxLength = 500 } = schema
  return fc.oneof(
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 200) }),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
  )
}

/** An object that fits, with some of it replaced, left out or added. */
const mutated = (schema: Schema) =>
  fc
    .tuple(fitting(schema), fc.array(fc.tuple(fc.constantFrom(...Object.keys(schema.properties ?? {}), '__proto__', 'x'), wild)))
    .map(([value, changes]) => ({ ...(value as object), ...Object.fromEntries(changes) }))

const jsonBody = (schema: Schema) =>
  fc.oneof(
    { weight: 8, arbitrary: fitting(schema).map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: mutated(schema).map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: wild.map((value) => JSON.stringify(value) ?? '') },
    { weight: 2, arbitrary: text },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '{"user_id":1e999,"original_url":"https://example.com"}',
        '{"username":"a","username":"b","email":"a@example.com"}',
        '\ufeff{"username":"bom","email":"bom@example.com"}',
        `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
        '{"original_url":"https://example.com',
        '{"details":{"a":1e999},"event_type":"x"}',
      ),
    },
  )

const cell = fc.oneof(
  text,
  fc.integer().map(String),
  fc.webUrl(),
  fc.emailAddress(),
  fc.constantFrom('True', '2025-01-02 03:04:05', '"'),
)
const header = fc.constantFrom(
  'id,username,email,created_at',
  'id,user_id,short_code,original_url,title,is_active,created_at,updated_at',
  'original_url',
  'username,email',
  '',
)
const BOUNDARY = 'a-boundary'
const multipart = fc
  .tuple(header, fc.array(fc.array(cell, { maxLength: 8 }), { maxLength: 5 }), fc.constantFrom('file', 'file', 'file', 'other'))
  .map(([first, rows, name]) => {
    const csv = [first, ...rows.map((row) => row.join(','))].join('\r\n')
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="x.csv"\r\nContent-Type: text/csv\r\n\r\n${csv}\r\n--${BOUNDARY}--\r\n`
  })

function bodyOf({ bodies }: Operation): fc.Arbitrary<{ type?: string; body: string }> {
  const kinds = Object.entries(bodies).map(([type, { schema }]) =>
    type === 'multipart/form-data'
      ? fc.oneof(multipart, text).map((body) => ({ type: `${type}; boundary=${BOUNDARY}`, body }))
      : jsonBody(schema).map((body) => ({ type, body })),
  )
  const none = fc.constant({ body: '' })
  if (kinds.length === 0)
    return fc.oneof(
      { weight: 4, arbitrary: none },
      text.map((body) => ({ type: 'application/json', body })),
    )
  return fc.oneof(
    ...kinds.map((arbitrary) => ({ weight: 6, arbitrary })),
    none,
    fc.record({ type: fc.constantFrom('text/plain', 'application/jsonx', 'multipart/form-data', 'text/csv', ''), body: text }),
  )
}

/** What may stand in a request line: the rest is percent-encoded, while malformed percents stay as they are. */
const inUrl = (value: string) =>
  [...value.toWellFormed()]
    .map((char) => (/^[!-~]$/.test(char) && !/[?#&/]/.test(char) ? char : encodeURIComponent(char)))
    .join('')

const segment = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 40 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('known', 'known+', 'unknown', 'known%20', 'KNOWN') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['%', '%z', '%zz', '%00', '%c3%28', '%ff', '%2f', '%2e%2e', '%2525', '0', '-1', '1.5', '1e3', 'true', 'abc', '+1', '٣'],
      ...[
        '9007199254740993',
        '9223372036854775807',
        '9223372036854775808',
        '1180591620717411303424',
        '1'.repeat(400),
        'x'.repeat(2_000),
      ],
    ),
  },
  { weight: 3, arbitrary: text },
)

const query = (names: string[]) =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...names, 'unknown'),
        fc.oneof(segment, fc.constantFrom('true', 'FALSE', 'banana', 'info', 'WARNING', 'all', 'click', '10000000000', '1e400')),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${inUrl(value)}`).join('&')}`))

const headerValue = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code < 0x7f || code > 0xa0)
    .map((code) => String.fromCharCode(code)),
  maxLength: 200,
})
const headers = fc
  .array(
    fc.oneof(
      ...Object.entries({
        accept: fc.oneof(
          headerValue,
          fc.constantFrom('*/*', 'application/json', 'text/event-stream', 'text/html', 'text/html;q=x,,;'),
        ),
        'if-none-match': fc.oneof(headerValue, fc.constant('*')),
        'x-request-id': fc.oneof(headerValue, fc.string({ minLength: 60, maxLength: 300 }).map(inUrl)),
        origin: fc.oneof(headerValue, fc.constantFrom('null', 'http://127.0.0.1', 'http://evil.example')),
        'sec-fetch-site': fc.constantFrom('same-origin', 'none', 'cross-site', 'x'),
        authorization: headerValue,
        'x-forwarded-proto': headerValue,
        'x-chaos-token': headerValue,
        'last-event-id': fc.oneof(headerValue, fc.integer().map(String)),
        'user-agent': headerValue,
        referer: fc.oneof(headerValue, fc.webUrl()),
        range: headerValue,
        cookie: headerValue,
      }).map(([name, value]) => fc.tuple(fc.constant(name), value)),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => Object.fromEntries(pairs))

function requestFor(operation: Operation): fc.Arbitrary<Sent> {
  const names = operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
  return fc
    .record({
      method: operation.method === 'GET' ? fc.constantFrom('GET', 'GET', 'GET', 'HEAD') : fc.constant(operation.method),
      segment,
      query: query(names),
      headers: fc.oneof(fc.constant({}), headers),
      content: bodyOf(operation),
    })
    .map(({ method, segment, query, headers, content: { type, body } }) => ({
      method,
      path: operation.path.replace(/\{\w+\}/, () => inUrl(segment) || '%20') + query,
      headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) } as Record<string, string>,
      body,
    }))
}

async function send(port: number, { method, path, headers, body }: Sent) {
  const payload = Buffer.from(body)
  const lines = Object.entries({ host: `127.0.0.1:${port}`, connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const length = payload.length > 0 || method !== 'GET' ? `content-length: ${payload.length}\r\n` : ''
  return exchange(
    port,
    Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n`, 'latin1'), payload]),
  )
}

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
    for (let i = 1; i <= 20; i++) {
      await server.post('/users', { username: `user${i}`, email: `user${i}@example.com` })
      await server.post('/urls', {
        original_url: `https://example.com/${i}`,
        ...(i === 1 ? { short_code: 'known' } : { user_id: i }),
      })
    }
  })
  afterAll(() => server.stop())

  test('no request to a documented route makes a 5xx, or an error that is not JSON with error and request_id', async () => {
    const operations = operationsOf((await server.get('/openapi.json')).body)
    expect(operations.length).toBeGreaterThan(25)
    const statuses: Record<number, number> = {}
    for (const operation of operations)
      await fc.assert(
        fc.asyncProperty(requestFor(operation), async (request) => {
          const { status, headers, body, text } = await send(server.config.PORT, request)
          statuses[status] = (statuses[status] ?? 0) + 1
          const late = status === 503 && text.includes('the database is not reachable, try again') // after 150 ms, on a busy machine
          if (status >= 500 && !late) throw new Error(`answered ${status}: ${text}`)
          if (status !== 302) expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._:-]{1,64}$/)
          if (status < 400 || request.method === 'HEAD') return
          const page = headers.get('content-type')?.startsWith('text/html')
          if (page && request.headers.accept?.includes('text/html')) return
          expect(headers.get('content-type')).toBe('application/json')
          expect([typeof body.error, body.request_id]).toEqual(['string', headers.get('x-request-id')])
          expect(body.error.length).toBeGreaterThan(3)
        }),
        { numRuns: RUNS_AN_OPERATION, seed },
      )
    // The generators are worth something only where they reach both sides of the checks.
    const sent = Object.values(statuses).reduce((sum, count) => sum + count, 0)
    expect(statuses[503] ?? 0).toBeLessThan(sent / 100)
    for (const status of [200, 201, 204, 400, 403, 404, 409, 415])
      expect([status, statuses[status] ?? 0]).not.toEqual([status, 0])
  })

  test('the first word of every route is no code', async () => {
    const documented = Object.keys((await server.get('/openapi.json')).body.paths)
    const pages = (await consoleRoutes(readConfig({}, {}))).routes.map(({ path }) => path)
    const words = new Set(
      [...documented, ...pages, '/openapi.json'].map((path) => path.split('/')[1]!).filter((word) => CODE.test(word)),
    )
    expect(words.size).toBeGreaterThan(12)
    expect([...words].filter((word) => !RESERVED.has(word))).toEqual([])
  })

  test('crawlers are kept from whatever needs a credential, and every tag of the documentation is one of a resource', async () => {
    const { body } = await server.get('/openapi.json')
    type Operation = { tags: string[]; description?: string }
    const operations = Object.entries<Record<string, Operation>>(body.paths)
    const disallowed = [...(await server.get('/robots.txt')).text.matchAll(/^Disallow: (\S+)$/gm)].map(([, path]) => path!)
    const read = operations.flatMap(([path, { get }]) => (get?.description?.includes('Requires the scope') ? [path] : []))
    expect(read.length).toBeGreaterThan(20)
    expect(read.filter((path) => !disallowed.some((prefix) => path.startsWith(prefix)))).toEqual([])
    const used = new Set(operations.flatMap(([, methods]) => Object.values(methods).flatMap(({ tags }) => tags)))
    expect(body.tags.map(({ name }: { name: string }) => name)).toEqual(TAGS)
    expect([...used].sort()).toEqual(TAGS.toSorted())
  })
})

test('no generated code is a route’s word, all digits, or has a look-alike', () => {
  // At three characters "api" and digits would come up by chance, ten and a thousand times in this many.
  for (let i = 0; i < 500_000; i++) {
    const code = generateCode(3)
    if (!/^[2-9A-HJ-NP-Za-km-z]{3}$/.test(code) || /^\d+$/.test(code) || RESERVED.has(code.toLowerCase())) expect(code).toBe('')
  }
})
