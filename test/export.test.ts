// GET /api/export/links.csv: what the import takes again, as it was, and no more memory than a page, however slowly it is read.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { Database } from '../src/database/guard.ts'
import { IMPORTED } from '../src/links/columns.ts'
import type { LinkFilter } from '../src/links/filter.ts'
import { walkLinks } from '../src/links/walk.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const PATH = '/api/export/links.csv'
const TITLES = [
  'plain',
  'with, comma',
  'with "quotes"',
  'two\nlines',
  'zwölf Boxkämpfer 🙂',
  ' spaces ',
  '=1+1',
  "it's",
  'a\r\nb',
  '"',
  "'=1+1",
  "''@sum",
  '+49 30',
  '-1',
  '@ada',
  '\ttab',
  '＝1+1',
  "'quoted'",
]

const upload = (server: TestServer, path: string, csv: string) => {
  const form = new FormData()
  form.append('file', new File([csv], 'file.csv'))
  return server.post(path, form)
}
const rowsIn = (csv: string) => csv.trimEnd().split('\r\n').length - 1

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
    for (const username of ['ada', 'bob']) await server.post('/users', { username, email: `${username}@example.com` })
    for (const [i, title] of TITLES.entries())
      await server.post('/urls', {
        original_url: `https://example.com/${i}?a=1,2&b="x"`,
        title,
        user_id: (i % 2) + 1,
        short_code: `code-${i}`,
      })
    await server.post('/urls', { original_url: 'https://example.com/untitled' })
    const gone = await server.post('/urls', { original_url: 'https://example.com/gone', short_code: 'gone' })
    await server.call('DELETE', `/urls/${gone.body.id}`)
    const [off] = (await server.get('/urls?q=code-3')).body
    await server.call('PATCH', `/urls/${off.id}`, { is_active: false })
    for (let i = 0; i < 3; i++) await server.get('/code-1')
    await server.settled('/urls/code-1/stats')
  })
  afterAll(() => server.stop())

  test('has every link, with its clicks, under a name of its day', async () => {
    const { status, headers, text } = await server.get(PATH)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present'])
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="waypost-links-\d{4}-\d\d-\d\d\.csv"$/)
    expect(headers.get('cache-control')).toContain('no-store')
    const [header] = text.split('\r\n')
    expect(header).toBe(`${IMPORTED.join()},aliases,password,click_count`)
    expect(header).toStartWith('id,user_id,short_code,original_url,title,is_active,created_at,updated_at,') // of release 0.1.0
    expect(rowsIn(text.replaceAll('a\r\nb', 'ab'))).toBe(TITLES.length + 1)
    expect(text).not.toContain('gone')
    expect(text).toMatch(/^\d+,2,code-1,.*,3\r\n/m)
  })

  test.each([
    ['user_id=1', TITLES.length / 2],
    ['is_active=false', 1],
    ['q=zwölf', 1],
    ['q=CODE-&is_active=true&user_id=2', TITLES.length / 2 - 1],
    ['q=nowhere', 0],
    ['per_page=1&page=7', TITLES.length + 1],
  ])('takes the filters of the list: %s', async (query, rows) => {
    const { text } = await server.get(`${PATH}?${query}`)
    expect(rowsIn(text.replaceAll('a\r\nb', 'ab'))).toBe(rows)
  })

  test.each([
    ['is_active', 'banana'],
    ['user_id', 'x'],
    ['q', 'x'.repeat(501)],
  ])('a bad %s is 400', async (field, value) => {
    const { status, body } = await server.get(`${PATH}?${field}=${value}`)
    expect([status, body.details[0].field]).toEqual([400, field])
  })

  test('begins with a byte order mark where that is asked for', async () => {
    const bytes = async (query: string) => new Uint8Array(await (await fetch(`${server.base}${PATH}?${query}`)).arrayBuffer())
    expect([...(await bytes('bom=1')).subarray(0, 5)]).toEqual([0xef, 0xbb, 0xbf, 0x69, 0x64])
    for (const query of ['', 'bom=0', 'bom=', 'guard=1']) expect([query, (await bytes(query))[0]]).toEqual([query, 0x69])
    expect(await server.get(`${PATH}?guard=perhaps`)).toMatchObject({ status: 400, body: { details: [{ field: 'guard' }] } })
  })

  test('does not open a link that has a password to everyone, where it is imported', async () => {
    const { body } = await server.post('/urls', {
      original_url: 'https://example.com/',
      short_code: 'locked',
      password: 'secret',
    })
    const { text } = await server.get(`${PATH}?code=locked`)
    await server.call('DELETE', `/urls/${body.id}`)
    const other = await serveOn(kind)
    expect((await upload(other, '/urls/bulk', text)).body).toMatchObject({ imported: 1 })
    expect((await other.get('/locked')).status).toBe(404)
    expect((await other.get('/urls?code=locked')).body).toMatchObject([{ is_active: false, password: false }])
    const chosen = 'short_code,original_url,password\nmine,https://example.com/,open sesame\n'
    const { status, body: problem } = await upload(other, '/urls/bulk', chosen)
    expect([status, problem.details[0]]).toEqual([
      400,
      { field: 'row 2, column password', message: 'must be True or False: set the password itself afterwards' },
    ])
    await other.stop()
  })

  test('guards what a spreadsheet would run, where that is asked for', async () => {
    await server.post('/urls', { original_url: 'https://example.com/dash', short_code: '-dash' })
    const { text } = await server.get(`${PATH}?guard=1`)
    for (const cell of [
      "'=1+1",
      "''=1+1",
      "'''@sum",
      "'+49 30",
      "'-1",
      "'@ada",
      '"\'\ttab"',
      "'＝1+1",
      "it's",
      "'quoted'",
      "'-dash",
    ])
      expect(text).toContain(`,${cell},`)
    const plain = (await server.get(PATH)).text
    for (const cell of ['=1+1', "''=1+1", '+49 30', '-1', '@ada', '-dash']) expect(plain).toContain(`,${cell},`)
  })

  test.each(['', '?guard=1', '?bom=1&guard=1'])(
    'is taken again: by the same server, which has it all, and by another, which then has the same: %s',
    async (query) => {
      const csv = (await server.get(PATH + query)).text
      const before = (await server.get('/urls?per_page=100')).body
      expect((await upload(server, '/urls/bulk', csv)).body).toEqual({ imported: before.length, count: before.length })
      expect((await server.get('/urls?per_page=100')).body).toEqual(before)

      const other = await serveOn(kind)
      for (const username of ['ada', 'bob']) await other.post('/users', { username, email: `${username}@example.com` })
      const imported = await upload(other, '/urls/bulk', csv)
      expect([imported.status, imported.text]).toEqual([201, JSON.stringify({ imported: before.length, count: before.length })])
      const withoutClicks = (rows: object[]) => rows.map((row) => ({ ...row, click_count: 0, last_click: null, short_url: '' }))
      expect(withoutClicks((await other.get('/urls?per_page=100')).body)).toEqual(withoutClicks(before))
      await other.stop()
    },
  )

  test('is an error, not half a file, when the database is unreachable', async () => {
    await server.chaos.arm('database', 60, 1, 0)
    const { status, body } = await server.get(PATH)
    expect([status, body.error]).toEqual([503, 'the database is not reachable, try again in a moment'])
    server.chaos.endAll()
    while (server.database.state() !== 'up') await Bun.sleep(20)
  })

  test('has nothing to send to a HEAD', async () => {
    const { status, text } = await server.call('HEAD', PATH)
    expect([status, text]).toEqual([200, ''])
  })
})

/** Links of a page's worth of kilobytes each. */
async function fill(server: TestServer, links: number) {
  for (let i = 0; i < links; i += 5_000)
    await server.database.run(
      (sql) => sql`
        insert into urls (short_code, original_url)
        select 'many-' || n, 'https://example.com/' || repeat('x', 1000) || n from generate_series(${i + 1}::int, ${i + 5_000}::int) n`,
      60_000,
    )
}

const LINKS = 50_000
const ADMIN_TOKEN = 'an-operators-long-token'
let server: TestServer
beforeAll(async () => {
  server = await serveOn(databases.at(-1)!, { ADMIN_TOKEN, ...UNLIMITED })
  await fill(server, LINKS)
})
afterAll(() => server.stop())
const exported = (token = ADMIN_TOKEN) => fetch(server.base + PATH, { headers: { authorization: `Bearer ${token}` } })

test('of fifty thousand links is whole and in order, and waits while it is not read', async () => {
  let pages = 0
  const run = server.database.run
  server.database.run = (work, deadline) => {
    pages++
    return run(work, deadline)
  }
  const response = await exported()
  let rest = ''
  let seen = 0
  for await (const part of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    const lines = (rest + part).split('\r\n')
    rest = lines.pop()!
    for (const line of lines) if (line.includes(`many-${seen + 1},`)) seen++
  }
  expect([seen, rest]).toEqual([LINKS, ''])

  // For one that reads nothing, no more is made than the sockets and a page or two hold, while another reads the whole.
  const whole = pages
  const socket = connect(Number(new URL(server.base).port), '127.0.0.1').pause()
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`)
  await until('it is begun', () => pages > whole)
  await (await exported()).arrayBuffer()
  expect(pages - 2 * whole).toBeLessThan(whole / 2)
  socket.destroy()
  server.database.run = run
})

test('ends when its key ends', async () => {
  const { id, key } = (await server.post('/api/keys', { name: 'reader', scope: 'read' })).body
  const response = await exported(key)
  const reader = response.body!.getReader()
  await reader.read()
  await server.call('DELETE', `/api/keys/${id}`)
  const read = async () => {
    while (!(await reader.read()).done);
  }
  await expect(read()).rejects.toThrow()
})

describe('of what a search finds', () => {
  /** The codes that a walk finds, and how many statements it took: of a search, the sample and the search itself are transactions. */
  async function walked(filter: LinkFilter) {
    let statements = 0
    const run: Database['run'] = (work) => {
      statements++
      return server.database.run(work)
    }
    const transaction: Database['transaction'] = (...work) => {
      statements++
      return server.database.transaction(...work)
    }
    const database = { ...server.database, run, transaction }
    const codes: string[] = []
    for await (const page of walkLinks(database, filter, undefined)) codes.push(...page.map(({ short_code }) => short_code))
    return { codes, statements }
  }

  test.each([
    ['few', 'many-4999', [4_999, ...Array.from({ length: 10 }, (_, n) => 49_990 + n)], 3],
    ['one', `many-${LINKS}`, [LINKS], 3],
    ['none', 'nowhere', [], 2],
  ])('%s: the search is made once', async (_, q, numbers, statements) => {
    expect(await walked({ q })).toEqual({ codes: numbers.map((n) => `many-${n}`), statements })
  })

  test.each([
    ['of all', { q: 'many-' }, () => true],
    ['of some', { q: 'many-1' }, (n: number) => String(n).startsWith('1')],
    ['with another filter', { q: 'many-1', is_active: true }, (n: number) => String(n).startsWith('1')],
    ['by the blocklist', { blocked: false }, () => true],
    ['of nothing', { q: 'many-', blocked: true }, () => false],
  ])('many matches take one walk over the links, %s', async (_, filter, wanted) => {
    const { codes, statements } = await walked(filter)
    const numbers = Array.from({ length: LINKS }, (_, n) => n + 1).filter(wanted)
    expect(codes.length).toBe(numbers.length)
    expect(codes).toEqual(numbers.map((n) => `many-${n}`))
    expect(statements).toBeLessThanOrEqual(4 + Math.ceil(LINKS / 4_000))
  })

  test('the file is the same as without a search, where all are found', async () => {
    const [all, found] = [await server.get(PATH), await server.get(`${PATH}?q=many-`)]
    expect(found.text.length).toBe(all.text.length)
    expect(found.text).toBe(all.text)
  })
})
