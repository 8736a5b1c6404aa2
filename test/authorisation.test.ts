// Who may do what, route by route as the OpenAPI document lists them: a route that is added is checked without a word here, and one that
// declares nothing, or is open to bound keys without a case below, fails.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { accessIn, needs, openToAll } from '../src/http/access.ts'
import { routeTable } from '../src/http/route-table.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
/** In everything that is Ada's; nothing of it may reach Bob. */
const MARK = 'adas-own'
const NOBODYS = 999_999

type Operation = {
  route: string
  method: string
  path: string
  scope?: string
  bound: boolean
  codes: boolean
  peers: boolean
  security?: object[]
}
type Headers = Record<string, string>

let server: TestServer
let operations: Operation[]
const keys: Record<string, string> = {}
const ids = { ada: 0, bob: 0, link: 0, event: 0, bobsLink: 0, nobodysLink: 0 }

beforeAll(async () => {
  server = await serveOn(anyDatabase, { ADMIN_TOKEN, ...UNLIMITED })
  const make = async (path: string, body: object) => {
    const answer = await server.post(path, body)
    expect([path, answer.status]).toEqual([path, 201])
    return answer.body
  }
  ids.ada = (await make('/users', { username: `${MARK}-name`, email: `${MARK}@example.com` })).id
  ids.bob = (await make('/users', { username: 'bob', email: 'bob@example.com' })).id
  const link = { original_url: `https://example.com/${MARK}`, title: MARK, short_code: MARK, user_id: ids.ada, tags: [MARK] }
  ids.link = (await make('/urls', link)).id
  ids.bobsLink = (await make('/urls', { original_url: 'https://example.com/b', user_id: ids.bob, tags: ['bobs'] })).id
  ids.nobodysLink = (await make('/urls', { original_url: `https://example.com/${MARK}/nobodys` })).id
  ids.event = (await make('/events', { event_type: 'note', url_id: ids.link, details: { text: MARK } })).id
  await make('/events', { event_type: 'note', user_id: ids.ada, details: { text: MARK } })
  // Bob's name on an event of Ada's link does not make it his.
  await make('/events', { event_type: 'note', url_id: ids.link, user_id: ids.bob, details: { text: MARK } })
  for (const [name, scope, user_id, only_tag] of [
    ['admin', 'admin'],
    ['write', 'write'],
    ['read', 'read'],
    ['metrics', 'metrics'],
    ['ada', 'write', ids.ada],
    ['ada, read', 'read', ids.ada],
    ['bob', 'write', ids.bob],
    ['the tag of ada', 'write', undefined, MARK.toUpperCase()],
    ['the tag of ada, read', 'read', undefined, MARK],
    ['the tag of bob', 'write', undefined, 'bobs'],
  ] as [string, string, number?, string?][])
    keys[name] = (await make('/api/keys', { name, scope, user_id, only_tag })).key
  operations = operationsIn((await server.get('/openapi.json')).body)
})
afterAll(() => server.stop())

function operationsIn({ paths }: { paths: Record<string, Record<string, any>> }): Operation[] {
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      scope: operation['x-scope'],
      bound: operation['x-bound'] === true,
      codes: operation['x-codes'] === true,
      peers: operation['x-peers'] === true,
      security: operation.security,
    })),
  )
  const last = ({ route }: Operation) => Number(route === 'DELETE /api/sessions') // it ends the sessions that the others are tried with
  return found.sort((a, b) => last(a) - last(b))
}

async function ask(method: string, path: string, headers: Headers = {}, body?: object) {
  const response = await fetch(server.base + path, {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('application/json') && text !== ''
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined }
}

const withKey = (name: string): Headers => ({ authorization: `Bearer ${keys[name]}` })

/** The same key by way of the console. */
async function withSession(name: string): Promise<Headers> {
  const { status, headers } = await ask('POST', '/api/session', {}, { token: keys[name] ?? ADMIN_TOKEN })
  expect(status).toBe(201)
  return { cookie: headers.get('set-cookie')!.split(';')[0]!, origin: server.base }
}

const hasBody = (method: string) => method !== 'GET' && method !== 'DELETE'

/** What each route says to who is not known (401), may not (403), or may: anything else, as long as the server did not fail. */
async function answersTo(headers: Headers): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  for (const { route, method, path } of operations) {
    const { status } = await ask(method, path.replace(/\{\w+\}/, String(NOBODYS)), headers, hasBody(method) ? [] : undefined)
    answers[route] = status === 401 ? 'unknown' : status === 403 ? 'refused' : status < 500 ? 'let in' : `failed: ${status}`
  }
  return answers
}

const SCOPES = ['none', 'metrics', 'read', 'write', 'admin']

function expected(scope: string, bound = false): Record<string, string> {
  return Object.fromEntries(
    operations.map((operation) => {
      const { route, scope: wanted, security } = operation
      if (!wanted)
        return [route, security!.length === 0 || security!.some((way) => Object.keys(way).length === 0) ? 'let in' : 'unknown']
      if (scope === 'none') return [route, 'unknown']
      return [route, SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted) && (!bound || operation.bound) ? 'let in' : 'refused']
    }),
  )
}

describe('every route', () => {
  test('says what it asks of its caller', () => {
    expect(operations.length).toBeGreaterThan(35)
    expect(operations.filter(({ scope, security }) => !scope && !security).map(({ route }) => route)).toEqual([])
  })

  // What is public is worth a look whenever it grows.
  test('is public only where it is meant to be', () => {
    const open = operations.filter(({ scope, security }) => !scope && security!.length === 0).map(({ route }) => route)
    const forAnyone = operations.filter(({ security }) => security!.some((way) => Object.keys(way).length === 0))
    const itself = operations.filter(({ security }) => security!.some((way) => 'chaosToken' in way)).map(({ route }) => route)
    expect(open.sort()).toEqual(['GET /health', 'GET /ready', 'GET /urls/{id}/redirect', 'GET /{code}'])
    expect(forAnyone.map(({ route }) => route).sort()).toEqual(['DELETE /api/session', 'GET /api/session', 'POST /api/session'])
    expect(itself.sort()).toEqual(['DELETE /chaos', 'GET /chaos', 'POST /chaos'])
  })

  test('is open to other replicas only where they ask each other, and only to read', () => {
    const open = operations.filter(({ peers }) => peers)
    expect(open.map(({ route }) => route).sort()).toEqual([
      'GET /api/alerts',
      'GET /api/chaos',
      'GET /api/fleet',
      'GET /api/notices',
      'GET /api/overview/samples',
      'GET /logs',
    ])
    expect(new Set(open.map(({ scope }) => scope))).toEqual(new Set(['read']))
  })

  test('knows nobody without a key', async () => {
    expect(await answersTo({})).toEqual(expected('none'))
  })

  test.each(['admin', 'write', 'read', 'metrics'])('opens to the scope %s as it says', async (scope) => {
    expect(await answersTo(withKey(scope))).toEqual(expected(scope))
    expect(await answersTo(await withSession(scope))).toEqual(expected(scope))
  })

  test.each([
    ['ada', 'write'],
    ['ada, read', 'read'],
    ['the tag of ada', 'write'],
    ['the tag of ada, read', 'read'],
  ])('opens to a bound key as it says (%s)', async (name, scope) => {
    expect(await answersTo(withKey(name))).toEqual(expected(scope, true))
    expect(await answersTo(await withSession(name))).toEqual(expected(scope, true))
  })

  test('opens to the admin token, also by a session', async () => {
    expect(await answersTo({ authorization: `Bearer ${ADMIN_TOKEN}` })).toEqual(expected('admin'))
    expect(await answersTo(await withSession('the operator'))).toEqual(expected('admin'))
  })
})

test('a route that declares nothing is for admins alone', () => {
  expect(accessIn({ summary: 'forgotten' })).toMatchObject({ asks: 'admin', bound: false })
  expect(accessIn(undefined)).toMatchObject({ asks: 'admin', bound: false })
})

test('access is decided by the route that the router runs', () => {
  const route = (method: string, path: string, detail: object) => ({ method, path, hooks: { detail } })
  const table = routeTable({
    routes: [
      route('GET', '/*', openToAll),
      route('GET', '/:code', openToAll),
      route('GET', '/urls/:id', needs('read', { codes: true })),
      route('GET', '/urls/fixed', needs('admin')),
      route('POST', '/urls/:id', needs('write')),
    ],
  })
  const asks = (method: string, path: string) => table.match(method, path)?.access.asks
  expect(['/urls/5', '/urls/5/', '/urls/%35', '/urls/%61bc', '/urls/5%00'].map((path) => asks('GET', path))).toEqual(
    Array(5).fill('read'),
  )
  expect(['/urls/abc', '/urls/5a', '/urls/-5', '/urls/٥', '/urls/a%2Fb'].map((path) => asks('GET', path))).toEqual(
    Array(5).fill('nobody'),
  )
  expect([asks('GET', '/urls/fixed'), asks('HEAD', '/urls/fixed'), asks('HEAD', '/urls/5')]).toEqual(['admin', 'admin', 'read'])
  expect([asks('POST', '/urls/abc'), asks('POST', '/other'), asks('GET', '/a/b/c')]).toEqual(['write', undefined, 'nobody'])
})

describe('a bound key', () => {
  // Every route that is open to it, with requests for Ada's data: the body, and the answer to her own key.
  type Case = { path: () => string; body?: () => object; own: number; ways?: string[] }
  const changed = { title: `${MARK} changed` }
  const CASES: Record<string, Case> = {
    'GET /users': { path: () => '/users?order=desc', own: 200 },
    'GET /users/{id}': { path: () => `/users/${ids.ada}`, own: 200 },
    'GET /users/{id}/urls': { path: () => `/users/${ids.ada}/urls`, own: 200 },
    'GET /urls': { path: () => `/urls?user_id=${ids.ada}&q=${MARK}`, own: 200 },
    'GET /api/suggestions/links': { path: () => `/api/suggestions/links?q=${MARK.slice(0, -2)}n`, own: 200 },
    'GET /api/export/links.csv': { path: () => `/api/export/links.csv?q=${MARK}`, own: 200 },
    'GET /urls/{id}': { path: () => `/urls/${ids.link}`, own: 200 },
    'POST /urls/{id}/aliases': {
      path: () => `/urls/${ids.link}/aliases`,
      body: () => ({ code: `${MARK}-alias` }),
      own: 201,
    },
    'GET /urls/{id}/aliases': { path: () => `/urls/${ids.link}/aliases`, own: 200 },
    'DELETE /urls/{id}/aliases/{code}': { path: () => `/urls/${ids.link}/aliases/${MARK}-alias`, own: 204 },
    'GET /urls/{id}/events': { path: () => `/urls/${ids.link}/events`, own: 200 },
    'GET /urls/{id}/qr.svg': { path: () => `/urls/${ids.link}/qr.svg`, own: 200 },
    'GET /urls/{id}/qr.png': { path: () => `/urls/${ids.link}/qr.png`, own: 200 },
    'GET /urls/{id}/stats': { path: () => `/urls/${MARK}/stats`, own: 200 },
    'GET /api/tags': { path: () => `/api/tags?q=${MARK}`, own: 200 },
    'GET /api/tags/{tag}/stats': { path: () => `/api/tags/${MARK}/stats`, own: 200 },
    'PUT /api/tags/{tag}': { path: () => `/api/tags/${MARK}`, body: () => ({ name: `${MARK}-2` }), own: 200 },
    'DELETE /api/tags/{tag}': { path: () => `/api/tags/${MARK}-2`, own: 204 },
    'GET /api/trends': { path: () => `/api/trends?ids=${ids.link}`, own: 200 },
    'GET /events': { path: () => `/events?url_id=${ids.link}`, own: 200 },
    'GET /events/{id}': { path: () => `/events/${ids.event}`, own: 200 },
    'POST /urls': {
      path: () => '/urls',
      body: () => ({ original_url: `https://example.com/${MARK}/2`, user_id: ids.ada }),
      own: 201,
    },
    'POST /shorten': {
      path: () => '/shorten',
      body: () => ({ url: `https://example.com/${MARK}/3`, user_id: ids.ada }),
      own: 201,
    },
    'POST /events': { path: () => '/events', body: () => ({ event_type: 'click', url_id: ids.link }), own: 201 },
    'PUT /urls/{id}': { path: () => `/urls/${ids.link}`, body: () => changed, own: 200 },
    'PATCH /urls/{id}': { path: () => `/urls/${ids.link}`, body: () => ({ is_active: false }), own: 200 },
    'DELETE /events/{id}': { path: () => `/events/${ids.event}`, own: 204 },
    'PATCH /urls/bulk': { path: () => '/urls/bulk', body: () => ({ ids: [ids.link], set: changed }), own: 200 },
    'DELETE /urls/{id}/clicks': { path: () => `/urls/${ids.link}/clicks`, own: 204 },
    'DELETE /urls/{id}': { path: () => `/urls/${ids.link}`, own: 204, ways: ['', '?soft=true', '?purge=true', '?reason=mine'] },
    'DELETE /urls/bulk': { path: () => '/urls/bulk', body: () => ({ ids: [ids.link] }), own: 200 },
  }

  const eachWay = ([route, one]: [string, Case]): [string, Case & { way: string }][] =>
    (one.ways ?? ['']).map((way) => [route, { ...one, way }])

  const everythingOfAdas = async () => {
    const read = async (path: string) => (await ask('GET', path, withKey('admin'))).body
    return JSON.stringify([
      await read('/users?per_page=100'),
      await read('/urls?per_page=100'),
      await read(`/events?url_id=${ids.link}&per_page=100`),
      (await read(`/urls/${ids.link}/stats`)).clicks,
    ])
  }

  test('has a case here for every route that is open to it', () => {
    const open = operations.filter(({ bound }) => bound).map(({ route }) => route)
    expect(Object.keys(CASES).sort()).toEqual(open.sort())
  })

  test.each(['bob', 'the tag of bob'])('of another (%s) sees and changes nothing, on any route', async (name) => {
    const before = await everythingOfAdas()
    for (const headers of [withKey(name), await withSession(name)]) {
      for (const [route, { path, body, way }] of Object.entries(CASES).flatMap(eachWay)) {
        const [method = '', pattern = ''] = route.split(' ')
        const answer = await ask(method, path() + way, headers, body?.())
        expect({ route, told: answer.text.includes(MARK) }).toEqual({ route, told: false })
        // Other users' data, and even its existence, is hidden; only a request that names another user gets 403.
        const status = pattern.includes('{') || route === 'POST /events' ? 404 : method === 'POST' ? 403 : 200
        expect([route, answer.status]).toEqual([route, status])
        if (status === 404) {
          const nothing = path().replace(/[\w-]+(?=$|\/(events|stats|urls|aliases|clicks|qr\.(svg|png))$)/, String(NOBODYS))
          const sent = route === 'POST /events' ? { ...body!(), url_id: NOBODYS } : body?.()
          const missing = await ask(method, route === 'POST /events' ? path() : nothing, headers, sent)
          expect([route, answer.body.error]).toEqual([route, missing.body.error])
        }
      }
    }
    expect(await everythingOfAdas()).toBe(before)
  })

  test('of another user gets no more rows than it may see', async () => {
    for (const [path, rows] of [
      ['/urls', 1],
      ['/urls?order=desc&cursor=999999999', 1],
      [`/urls?user_id=${ids.ada}`, 0],
      ['/urls?q=example', 1],
      ['/urls?q=example&sort=relevance', 1],
      [`/urls?q=${MARK}&sort=relevance`, 0],
      ['/users', 1],
      [`/users?username=${MARK}-name`, 0],
      [`/events?url_id=${ids.link}`, 0],
      [`/events?user_id=${ids.ada}`, 0],
      [`/events?user_id=${ids.bob}`, 1],
      [`/users/${ids.bob}/urls`, 1],
    ] as [string, number][]) {
      const { body, headers } = await ask('GET', path, withKey('bob'))
      expect([path, body.length, headers.get('x-total-count')]).toEqual([path, rows, String(rows)])
    }
  })

  test('sees nothing without an owner either, nor the audit log', async () => {
    expect((await ask('GET', `/urls/${ids.nobodysLink}`, withKey('ada'))).status).toBe(404)
    expect((await ask('PATCH', `/urls/${ids.nobodysLink}`, withKey('ada'), { title: 'mine' })).status).toBe(404)
    const trends = await ask('GET', `/api/trends?ids=${ids.nobodysLink},${ids.link}`, withKey('ada'))
    expect(trends.body.map(({ id }: { id: number }) => id)).toEqual([ids.link])
    for (const type of ['key_created', 'signed_out_everywhere'])
      expect((await ask('GET', `/events?event_type=${type}`, withKey('ada'))).body).toEqual([])
  })

  test('makes what it makes for its user, named or not', async () => {
    const made = await ask('POST', '/urls', withKey('bob'), { original_url: 'https://example.com/bobs' })
    expect([made.status, made.body.user_id]).toEqual([201, ids.bob])
    const event = await ask('POST', '/events', withKey('bob'), { event_type: 'note', details: {} })
    expect([event.status, event.body.user_id]).toEqual([201, ids.bob])
    expect((await ask('GET', `/events/${event.body.id}`, withKey('bob'))).status).toBe(200)
    expect((await ask('GET', `/events/${event.body.id}`, withKey('ada'))).status).toBe(404)
  })

  test('cannot take a link of another by writing its user', async () => {
    const { status, body } = await ask('PATCH', `/urls/${ids.bobsLink}`, withKey('bob'), { user_id: ids.ada, title: 'x' })
    expect([status, body.user_id]).toEqual([200, ids.bob])
  })

  test('of a tag can use every route for its links, and none for users', async () => {
    const REFUSED: Record<string, number> = {
      'GET /users/{id}': 404,
      'GET /users/{id}/urls': 404,
      'POST /urls': 403, // for a user
      'POST /shorten': 403,
      'PUT /api/tags/{tag}': 403, // its own tag
      'DELETE /api/tags/{tag}': 404,
    }
    for (const [route, { path, body, own }] of Object.entries(CASES)) {
      if (/^DELETE \/(urls\/\{id\}|urls\/bulk|events\/\{id\})$/.test(route)) continue // needed below
      const answer = await ask(route.split(' ')[0]!, path(), withKey('the tag of ada'), body?.())
      expect([route, answer.status]).toEqual([route, REFUSED[route] ?? own])
      if (route === 'GET /users') expect(answer.body).toEqual([])
    }
    const made = (await ask('POST', '/urls', withKey('the tag of ada'), { original_url: 'https://example.com/tagged' })).body
    const event = (await ask('POST', '/events', withKey('the tag of ada'), { event_type: 'note', url_id: made.id })).body
    for (const path of [`/events/${event.id}`, `/urls/${made.id}`]) {
      expect((await ask('DELETE', path, withKey('the tag of bob'))).status).toBe(404)
      expect((await ask('DELETE', path, withKey('the tag of ada'))).status).toBe(204)
    }
  })

  test('does with its own what the route is for', async () => {
    for (const [route, { path, body, own }] of Object.entries(CASES)) {
      const answer = await ask(route.split(' ')[0]!, path(), withKey('ada'), body?.())
      expect([route, answer.status]).toEqual([route, own])
      const image = answer.headers.get('content-type')?.startsWith('image/')
      if (own === 200)
        expect([route, image || answer.text.includes(MARK) || /"clicks"|"changed"/.test(answer.text)]).toEqual([route, true])
    }
    const left = (await ask('GET', '/urls', withKey('ada'))).body as { user_id: number }[]
    expect(left.map(({ user_id }) => user_id)).toEqual([ids.ada, ids.ada])
  })
})
