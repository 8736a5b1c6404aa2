// X-Robots-Tag: by the setting NOINDEX for every redirect, and by the link where it says something else.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const SLACK = { 'user-agent': 'Slackbot-LinkExpanding 1.0' }

describe.each([
  ['off', { plain: null, excepted: null, listed: null, unlisted: 'noindex' }],
  ['on', { plain: 'noindex', excepted: 'noindex', listed: null, unlisted: 'noindex' }],
] as const)('with NOINDEX=%s', (NOINDEX, expected) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase, { NOINDEX })
  })
  afterAll(() => server.stop())

  test.each([
    ['a plain link', {}, expected.plain],
    ['a link with another rule', { forward_query: 'add' }, expected.excepted],
    ['a link with noindex: false', { noindex: false }, expected.listed],
    ['a link with noindex: true', { noindex: true }, expected.unlisted],
    ['a link with noindex: null', { noindex: null, forward_query: 'add' }, expected.excepted],
  ])('%s', async (_, link, robots) => {
    const { body } = await server.post('/urls', { original_url: 'https://example.com/', card: null, ...link })
    for (const method of ['GET', 'GET', 'HEAD']) {
      const { status, headers } = await server.call(method, `/${body.short_code}`)
      expect([status, headers.get('x-robots-tag')]).toEqual([302, robots])
    }
    expect((await server.get(`/urls/${body.short_code}/redirect`)).headers.get('x-robots-tag')).toBe(robots)
    await server.call('PATCH', `/urls/${body.id}`, { card: { title: 'A card' } })
    const card = await server.get(`/${body.short_code}`, SLACK)
    expect([card.status, card.headers.get('x-robots-tag')]).toEqual([200, robots])
    await server.call('PATCH', `/urls/${body.id}`, { confirm: true })
    const sent = await server.call('POST', `/${body.short_code}`)
    expect([sent.status, sent.headers.get('x-robots-tag')]).toEqual([303, robots])
  })

  test('robots.txt lets crawlers follow short links, else they would not see the header', async () => {
    expect((await server.get('/robots.txt')).text).not.toMatch(/^Disallow: \/$/m)
  })
})
