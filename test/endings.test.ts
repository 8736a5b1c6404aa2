// Short links as they arrive from chats and mails: with a slash, a bracket, a dot or a blank at their end.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { RESERVED } from '../src/base/code.ts'
import { codeBefore, codeOfPath } from '../src/base/ending.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { readAnswer } from './wire.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const TARGET = 'https://example.com/known'

let server: TestServer
let limited: TestServer

/** The raw path, which fetch would correct; without a credential, like visitors. */
function visit(of: TestServer, method: string, path: string, headers = '') {
  const socket = connect(of.config.PORT, '127.0.0.1', () =>
    socket.write(Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${of.config.PORT}\r\n${headers}\r\n`)),
  )
  return readAnswer(socket, method === 'HEAD').finally(() => socket.destroy())
}

beforeAll(async () => {
  server = await serveOn(anyDatabase, { ADMIN_TOKEN, RATE_UNKNOWN: 'off' })
  for (const short_code of ['known', 'known-', 'a'.repeat(64)])
    expect((await server.post('/urls', { original_url: TARGET, short_code })).status).toBe(201)
  limited = await serveOn(anyDatabase, { ADMIN_TOKEN, RATE_UNKNOWN: '3/h' })
})
afterAll(() => Promise.all([server.stop(), limited.stop()]))

const ENDINGS = [
  '/',
  '/?x=1',
  '?x=1',
  ')',
  '%29',
  ']',
  '%5D',
  '}',
  '>',
  '%3E',
  '.',
  ',',
  ';',
  ':',
  '!',
  '%21',
  "'",
  '"',
  '%22',
  '»',
  '%C2%BB',
  '”',
  '’',
  '…',
  '%20',
  '%0A',
  '%0D%0A',
  '%09',
  '\u00a0',
  '%C2%A0',
  '\u200b',
  '%E2%80%8B',
  '%EF%BB%BF',
  '&gt;',
  '&quot;',
  '.?x=1',
  ').',
  '/)',
  ')/',
  '/.%20',
  '**',
  '。',
  '%EF%BC%89',
]

describe('a code with something glued to its end', () => {
  test.each(ENDINGS)('known%s is the code', async (ending) => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await visit(server, method, `/known${ending}`)
      expect([method, status, headers.get('location')]).toEqual([method, 302, TARGET])
    }
  })

  test.each(['', '/', ')', '%20', '.', '%29.', '»'])('the preview known+%s is that of the code', async (ending) => {
    const { status, body } = await visit(server, 'GET', `/known+${ending}`)
    expect([status, body.short_code]).toEqual([200, 'known'])
  })

  test.each(['/urls/known', '/urls/known/redirect'])('%s takes it too', async (path) => {
    for (const ending of ['/', '.', ')', '%20', '%C2%A0']) {
      const written = path.replace('known', `known${ending === '/' ? '' : ending}`) + (ending === '/' ? '/' : '')
      const { status, headers } = await visit(server, 'GET', written)
      expect([written, status, headers.get('location')]).toEqual([written, 302, TARGET])
    }
  })

  test('statistics take it too', async () => {
    for (const ending of ['.', ')', '%20', '&gt;'])
      expect((await server.get(`/urls/known${ending}/stats`)).body).toMatchObject({ short_code: 'known' })
    expect((await server.get('/urls/known/stats/')).body).toMatchObject({ short_code: 'known' })
  })

  test('a click is counted, once', async () => {
    const clicks = async () => (await server.settled('/urls/known-/stats')).body.clicks
    const before = await clicks()
    await visit(server, 'GET', '/known-.')
    await visit(server, 'HEAD', '/known-.')
    expect(await clicks()).toBe(before + 1)
  })

  test('characters of a code are never taken from it', async () => {
    expect((await visit(server, 'GET', '/known-')).status).toBe(302)
    expect((await visit(server, 'GET', '/known-).')).status).toBe(302)
    for (const path of ['/known_', '/known--', '/know', '/known1'])
      expect([path, (await visit(server, 'GET', path)).status]).toEqual([path, 404])
  })

  test('a percent-encoded character of a code is that character', async () => {
    expect((await visit(server, 'GET', '/known%2D')).status).toBe(302)
    expect((await visit(server, 'GET', '/%6Bnown')).status).toBe(302)
  })

  test.each(['//', '/known//', '/known/x', '/)', '/.', '/known.txt', '/known)x', `/known${'.'.repeat(100)}`, '/+)', '/known.+x'])(
    '%s is no code',
    async (path) => {
      const { status } = await visit(server, 'GET', path)
      expect([302, 401, 404]).toContain(status)
      expect([path, (await visit(server, 'GET', path)).headers.get('location')]).toEqual([
        path,
        path === '/.' ? '/console' : null,
      ])
    },
  )

  test('a malformed or a NUL ending is refused', async () => {
    for (const path of ['/known%', '/known%zz', '/known%FF', '/known%00'])
      expect([path, (await visit(server, 'GET', path)).status]).toEqual([path, 400])
  })

  test('a person who meets an unknown one gets the page', async () => {
    for (const path of ['/nope.', '/nope/', '/nope%20', '/nope/)']) {
      const { status, text } = await visit(server, 'GET', path, 'Accept: text/html\r\n')
      expect([path, status, text.includes('This link leads nowhere')]).toEqual([path, 404, true])
    }
  })

  test('the log has the path as it was sent', async () => {
    await visit(server, 'GET', '/nobody-here).?secret=1')
    const { logs } = (await server.get('/logs?filter=nobody-here')).body
    expect(logs[0]).toMatchObject({ path: '/nobody-here).', route: '/:code', status: 404 })
  })

  test('an unknown one counts as a guess', async () => {
    const statuses: number[] = []
    for (const path of ['/nope1.', '/nope2/', '/nope3%20', '/nope4)', '/nope5+.'])
      statuses.push((await visit(limited, 'GET', path)).status)
    expect(statuses).toEqual([404, 404, 404, 429, 429])
  })

  test('a route’s word stays the route’s, whatever stands behind it', () => {
    for (const word of RESERVED)
      for (const ending of ['', '/', '.', ')', '%20', '/)']) expect([word, codeOfPath(word + ending)]).toEqual([word, undefined])
  })

  test('64 characters are the most', async () => {
    expect((await visit(server, 'GET', `/${'a'.repeat(64)}/`)).status).toBe(302)
    expect(codeBefore(`${'a'.repeat(65)}.`)).toBeUndefined()
  })

  test('a long ending is looked at in no time that grows with its square', () => {
    expect(codeOfPath(`known${'.'.repeat(1_000_000)}x`)).toBeUndefined()
    expect(codeOfPath(`known${'%20'.repeat(1_000_000)}`)).toBeUndefined()
  })
})
