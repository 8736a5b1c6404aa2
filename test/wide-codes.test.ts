// Codes that only imports bring, with letters of any script, dots and slashes: they redirect like the others, on each tier, also with the database
// stopped; and paths that no link has cost the database nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'
import { exchange } from './wire.ts'

const csv = (text: string) => {
  const form = new FormData()
  form.append('file', new File([text], 'urls.csv'))
  return form
}

const CODES = ['brand/sale.2024', 'für-dich', '👍', 'a/b/c/d', 'sale.2024', 'x', `long-${'a'.repeat(195)}`, 'die/größte.Auswahl']
const targetOf = (code: string) => `https://example.com/of?code=${encodeURIComponent(code)}`
const FILE = `short_code,original_url,title\n${CODES.map((code) => `"${code}",${targetOf(code)},wide`).join('\n')}\n`

/** The raw path, which fetch would correct. */
const visit = async (server: TestServer, path: string, method = 'GET', more = '') => {
  const { status, headers, body, text } = await exchange(
    server.config.PORT,
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.config.PORT}\r\n${more}\r\n`,
  )
  return { status, location: headers.get('location'), body, text }
}
const location = async (server: TestServer, path: string) => (await visit(server, path)).location
const imported = async (server: TestServer) => {
  expect((await server.post('/urls/bulk', csv(FILE))).status).toBe(201)
  await until('the edge copy has them', async () => (await location(server, '/brand/sale.2024')) !== null)
}

describe.each(databases)('wide codes on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: 'an-operators-long-token', RATE_UNKNOWN: 'off' })
    await imported(server)
  })
  afterAll(() => server?.stop())

  test('redirect by the path of short_url, and are counted', async () => {
    const { body } = await server.get('/urls?q=wide&per_page=100')
    expect(body.map(({ short_code }: { short_code: string }) => short_code)).toEqual(CODES)
    for (const { id, short_code, short_url } of body) {
      const path = short_url.slice(server.base.length)
      for (const method of ['GET', 'HEAD'])
        expect([method, await visit(server, path, method)]).toMatchObject([
          method,
          { status: 302, location: targetOf(short_code) },
        ])
      expect((await server.settled(`/urls/${id}/stats`)).body.clicks).toBeGreaterThan(0)
    }
  })

  test.each([
    '/brand/sale.2024',
    '/brand/sale.2024/',
    '/brand/sale.2024).',
    '/brand/sale.2024%20',
    '/brand%2Fsale.2024',
    '/brand%2fsale%2e2024?x=1',
    '/%62rand/sale.2024',
    '/urls/brand%2Fsale.2024',
    '/urls/brand%2Fsale.2024/redirect',
  ])('%s leads to brand/sale.2024', async (path) => {
    expect(await location(server, path)).toBe(targetOf('brand/sale.2024'))
  })

  test('letters are the same composed and decomposed, in UTF-8', async () => {
    for (const path of ['/f%C3%BCr-dich', '/f%c3%bcr-dich', '/fu%CC%88r-dich', '/für-dich'])
      expect([path, await location(server, Buffer.from(path).toString('latin1'))]).toEqual([path, targetOf('für-dich')])
    expect((await visit(server, '/f%FCr-dich')).location).toBeNull()
  })

  test('+ shows the preview', async () => {
    for (const code of CODES.filter((code) => code !== 'x')) {
      const path = `/${code.split('/').map(encodeURIComponent).join('/')}`
      for (const ending of ['+', '%2B', '+.', '+?a=1'])
        expect([path + ending, (await visit(server, path + ending)).body]).toMatchObject([
          path + ending,
          { short_code: code, original_url: targetOf(code), state: 'active' },
        ])
    }
    const { text } = await visit(server, '/brand/sale.2024+', 'GET', 'Accept: text/html\r\n')
    expect(text).toContain('brand/sale.2024 leads to')
    expect((await visit(server, '/brand/none+')).status).toBe(404)
  })

  test('are found by code, by a pasted short URL, and for statistics', async () => {
    const found = async (query: Record<string, string>) =>
      (await server.get(`/urls?${new URLSearchParams(query)}`)).body.map(({ short_code }: { short_code: string }) => short_code)
    expect(await found({ code: 'brand/sale.2024' })).toEqual(['brand/sale.2024'])
    for (const pasted of ['/brand/sale.2024', '/brand/sale.2024+', '/brand/sale.2024/?utm=1', '/f%C3%BCr-dich', '/für-dich'])
      expect([pasted, await found({ q: server.base + pasted })]).toEqual([
        pasted,
        [pasted.includes('brand') ? 'brand/sale.2024' : 'für-dich'],
      ])
    expect((await server.get('/urls/brand%2Fsale.2024/stats')).body).toMatchObject({ short_code: 'brand/sale.2024' })
    expect((await server.get('/urls/für-dich/stats')).body).toMatchObject({ short_code: 'für-dich' })
  })

  test('export and import again as they are', async () => {
    const { text } = await server.get('/api/export/links.csv')
    expect(await server.post('/urls/bulk', csv(text))).toMatchObject({ status: 201, body: { imported: CODES.length } })
    expect((await server.get('/urls')).headers.get('x-total-count')).toBe(String(CODES.length))
  })

  test('are only imported', async () => {
    for (const short_code of ['brand/new', 'für', 'a.b'])
      expect(await server.post('/urls', { original_url: 'https://example.com', short_code })).toMatchObject({
        status: 400,
        body: { details: [{ field: 'short_code' }] },
      })
  })

  test.each([
    ['a b', 'blanks'],
    ['api/x', 'reserved'],
    ['robots.txt', 'reserved'],
    ['a//b', 'slash'],
    ['wow!', 'punctuation'],
    ['c++', 'preview'],
    ['👍'.repeat(201), '200 characters'],
  ])('%s is refused', async (code, reason) => {
    const { status, body } = await server.post('/urls/bulk', csv(`short_code,original_url\n"${code}",https://example.com\n`))
    expect([status, body.details[0].message]).toEqual([400, expect.stringContaining(reason)])
  })

  test('a row in Unicode NFD is the same code', async () => {
    const row = `short_code,original_url\n${'für-dich'.normalize('NFD')},${targetOf('für-dich')}\n`
    expect(await server.post('/urls/bulk', csv(row))).toMatchObject({ status: 201 })
    expect((await server.get('/urls')).headers.get('x-total-count')).toBe(String(CODES.length))
  })

  test('routes stay routes, and other paths get the same answers as before', async () => {
    for (const [path, status] of [
      ['/robots.txt', 200],
      ['/openapi.json', 200],
      ['/health', 200],
      ['/brand/none', 401],
      ['/none.php', 404],
      ['/wp-admin/setup.php', 401],
      ['/.env', 404],
      ['/.git/config', 401],
      ['/brand//sale.2024', 404],
      ['/a%00b', 400],
    ] as const)
      expect([path, (await visit(server, path)).status]).toEqual([path, status])
    expect((await visit(server, '/brand/sale.2024', 'POST')).status).not.toBe(302)
  })

  test('with a page in front of it: the form is sent to the same path', async () => {
    for (const [code, path] of [
      ['die/größte.Auswahl', '/die/gr%C3%B6%C3%9Fte.Auswahl'],
      ['👍', '/%F0%9F%91%8D'],
    ]) {
      const [{ id }] = (await server.get(`/urls?code=${encodeURIComponent(code!)}`)).body
      await server.call('PATCH', `/urls/${id}`, { password: 'sesame' })
      const enter = (password: string) => {
        const body = `password=${password}`
        const form = 'Content-Type: application/x-www-form-urlencoded\r\n'
        return exchange(
          server.config.PORT,
          `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.config.PORT}\r\n${form}Content-Length: ${body.length}\r\n\r\n${body}`,
        )
      }
      const shown = await visit(server, path!)
      expect([path, shown.location, shown.text.includes('password')]).toEqual([path, null, true])
      expect((await enter('wrong')).status).not.toBe(303)
      const { status, headers } = await enter('sesame')
      expect([path, status, headers.get('location')]).toEqual([path, 303, targetOf(code!)])
      await server.call('PATCH', `/urls/${id}`, { password: null })
    }
    expect((await visit(server, '/none/such', 'POST')).status).toBe(401)
  })

  test('an inactive one gets 404, and a deleted one too', async () => {
    const [link] = (await server.get('/urls?code=a/b/c/d')).body
    const statuses = async () => [(await visit(server, '/a/b/c/d')).status, (await visit(server, '/a/b/c/d/')).status]
    await server.call('PATCH', `/urls/${link.id}`, { is_active: false })
    expect(await statuses()).toEqual([404, 404])
    await server.call('PATCH', `/urls/${link.id}`, { is_active: true })
    expect(await statuses()).toEqual([302, 302])
    await server.call('DELETE', `/urls/${link.id}`)
    expect(await statuses()).toEqual([404, 404])
  })

  test('what is below one that forwards paths is forwarded; the longest code wins', async () => {
    const idOf = async (code: string) => (await server.get(`/urls?code=${encodeURIComponent(code)}`)).body[0].id
    for (const code of ['x', 'für-dich', 'brand/sale.2024'])
      await server.call('PATCH', `/urls/${await idOf(code)}`, {
        forward_path: true,
        original_url: `https://example.com/${code.length}`,
      })
    expect(await location(server, '/x/some/page')).toBe('https://example.com/1/some/page')
    expect(await location(server, '/f%C3%BCr-dich/some/page')).toBe('https://example.com/8/some/page')
    expect(await location(server, '/brand/sale.2024/some')).toBe('https://example.com/15/some')
    expect(await location(server, '/brand/sale.2024/')).toBe('https://example.com/15')
    expect(await location(server, '/sale.2024/some')).toBeNull()
  })
})

describe.skipIf(!serverBinaries())('wide codes', () => {
  let cluster: Cluster
  let url: string
  const at = (DATA_DIR = temporaryFolder()) => ({
    ...databases.at(-1)!,
    settings: async () => ({ DATA_DIR, DATABASE_URL: url }),
  })
  const queries = async (server: TestServer) =>
    Number(/^waypost_cache_lookups_total\{tier="database"\} (\d+)$/m.exec((await server.get('/metrics')).text)![1])

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
  })
  afterAll(() => cluster?.end())

  test('redirect from the edge copy without the database, also after a restart; a scanner never reaches it', async () => {
    url = await cluster.createDatabase()
    const folder = temporaryFolder()
    let server = await serveOn(at(folder), { AUTH: 'off' })
    await imported(server)
    const before = await queries(server)
    for (let i = 0; i < 200; i++) await visit(server, `/wp-content/plugins/${i}/readme.txt`)
    for (let i = 0; i < 200; i++) await visit(server, `/${i}.php`)
    expect(await queries(server)).toBe(before)
    await server.stop()
    await cluster.control!.stop()
    server = await serveOn(at(folder), { AUTH: 'off' })
    for (const code of CODES)
      expect(await location(server, `/${code.split('/').map(encodeURIComponent).join('/')}`)).toBe(targetOf(code))
    expect((await visit(server, '/brand/none')).status).toBe(404)
    await server.stop()
    await cluster.control!.start()
  })

  test('are looked up in the database without a second tier: once for all readings of a path, remembered, and limited', async () => {
    url = await cluster.createDatabase()
    const settings = { AUTH: 'off', SECOND_TIER: 'none' }
    const server = await serveOn(at(), { ...settings, ...UNLIMITED })
    await imported(server)
    for (const code of CODES)
      expect(await location(server, `/${code.split('/').map(encodeURIComponent).join('/')}`)).toBe(targetOf(code))
    expect((await visit(server, '/none/such/page')).status).toBe(404)
    await cluster.control!.stop()
    for (const code of CODES)
      expect(await location(server, `/${code.split('/').map(encodeURIComponent).join('/')}`)).toBe(targetOf(code))
    expect((await visit(server, '/none/such/other')).status).toBe(503) // nobody knows
    expect((await visit(server, '/robots.txt')).status).toBe(200)
    await cluster.control!.start()
    await server.stop()
    const limited = await serveOn(at(), { ...settings, RATE_UNKNOWN: '3/h' })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await visit(limited, `/none/${i}.php`)).status)
    expect(statuses).toEqual([404, 404, 404, 429, 429])
    expect(await location(limited, '/brand/sale.2024')).toBe(targetOf('brand/sale.2024'))
    await limited.stop()
  })
})
