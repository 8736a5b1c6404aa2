// Every wrong method at a path that there is gets 405 with the right ones, as the OpenAPI document lists them.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { exchange } from './wire.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'CONNECT']
/** A value for each parameter of a path. */
const VALUES: Record<string, string> = { code: 'known', name: 'service_down' }

let server: TestServer
let paths: Record<string, Record<string, unknown>>

beforeAll(async () => {
  server = await serveOn(anyDatabase, UNLIMITED)
  await server.post('/urls', { original_url: 'https://example.com/a', short_code: 'known' })
  paths = (await server.get('/openapi.json')).body.paths
})
afterAll(() => server.stop())

const ask = (method: string, path: string) =>
  exchange(
    server.config.PORT,
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.config.PORT}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
  )

/** Of a stream only the head is read. */
async function statusOf(method: string, path: string): Promise<number> {
  const enough = new AbortController()
  const headers = { accept: 'text/event-stream, */*' }
  const { status } = await fetch(server.base + path, { method, headers, redirect: 'manual', signal: enough.signal })
  enough.abort()
  return status
}

describe('a wrong method', () => {
  test('is 405 with Allow, at every path of the document, also with a slash at its end', async () => {
    const wrong: string[] = []
    for (const [pattern, operations] of Object.entries(paths)) {
      const right = new Set(Object.keys(operations).map((method) => method.toUpperCase()))
      if (right.has('GET')) right.add('HEAD')
      const allow = [...right].sort().join(', ')
      const path = pattern.replace(/\{(\w+)\}/g, (_, name) => VALUES[name] ?? '1')
      for (const method of METHODS)
        for (const written of [path, `${path}/`]) {
          if (right.has(method)) continue
          const { status, headers } = await ask(method, written)
          if (status !== 405 || headers.get('allow') !== allow)
            wrong.push(`${method} ${written}: ${status} ${headers.get('allow')}, not ${allow}`)
        }
    }
    expect(wrong).toEqual([])
  })

  test.each([
    ['GET', '/shorten', 'POST'],
    ['HEAD', '/shorten', 'POST'],
    ['GET', '/users/bulk', 'POST'],
    ['DELETE', '/users/bulk', 'POST'],
    ['GET', '/urls/bulk', 'DELETE, PATCH, POST'],
    ['PUT', '/urls/bulk', 'DELETE, PATCH, POST'],
    ['PUT', '/urls', 'GET, HEAD, POST'],
    ['DELETE', '/health', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
    ['POST', '/console', 'GET, HEAD'],
    ['PUT', '/console/links', 'GET, HEAD'],
    ['POST', '/swagger', 'GET, HEAD'],
    ['DELETE', '/openapi.json', 'GET, HEAD'],
    ['POST', '/robots.txt', 'GET, HEAD'],
    ['POST', '/known', 'GET, HEAD'],
    ['PUT', '/known/', 'GET, HEAD'],
    ['DELETE', '/known.', 'GET, HEAD'],
    ['PATCH', '/known+', 'GET, HEAD'],
    ['OPTIONS', '/known', 'GET, HEAD'],
    ['TRACE', '/known', 'GET, HEAD'],
  ])('%s %s is 405, and %s is right', async (method, path, allow) => {
    const { status, headers } = await ask(method, path)
    expect([status, headers.get('allow')]).toEqual([405, allow])
  })

  test('HEAD is right wherever GET is', async () => {
    const failed: string[] = []
    for (const [pattern, operations] of Object.entries(paths)) {
      if (!('get' in operations)) continue
      const path = pattern.replace(/\{(\w+)\}/g, (_, name) => VALUES[name] ?? '1')
      if (path === '/chaos') continue // it ends the server
      const [got, head] = [await statusOf('GET', path), await statusOf('HEAD', path)]
      if (got !== head) failed.push(`${path}: GET ${got}, HEAD ${head}`)
    }
    expect(failed).toEqual([])
  })

  test('what is no path is 404, whatever the method', async () => {
    for (const method of METHODS) {
      expect([method, (await ask(method, '/a/b/c')).status]).toEqual([method, 404])
      if (method !== 'GET' && method !== 'HEAD') expect([method, (await ask(method, '/.env')).status]).toEqual([method, 404])
    }
  })
})

describe('a wrong method without a credential', () => {
  let keyed: TestServer
  beforeAll(async () => {
    keyed = await serveOn(anyDatabase, { ADMIN_TOKEN: 'an-operators-long-token', ...UNLIMITED })
  })
  afterAll(() => keyed.stop())

  test.each([
    ['POST', '/health', 405],
    ['POST', '/any-code', 405],
    ['PUT', '/urls/any-code/redirect', 405],
    ['GET', '/shorten', 401],
    ['GET', '/users/bulk', 401],
    ['PUT', '/urls', 401],
  ])('%s %s → %i', async (method, path, status) => {
    expect((await keyed.call(method, path, undefined, { authorization: '' })).status).toBe(status)
  })
})
