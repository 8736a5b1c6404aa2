// HONOR_GPC: of a visitor who sends Sec-GPC: 1 there is a click, and nothing else.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const asked = { 'sec-gpc': '1', referer: 'https://news.example/story?id=1', 'user-agent': FIREFOX }
const BOT = { ...asked, 'user-agent': 'curl/8.14.1' }
const ALL = { browser: 'Firefox', system: 'Linux', device: 'Desktop', referrer: 'news.example', address: '127.0.0.0' }
const NOTHING = { browser: 'Unknown', system: 'Unknown', device: 'Unknown' }

describe.each([
  ['off', ALL, { ...ALL, browser: expect.any(String), system: expect.any(String), device: expect.any(String), bot: true }],
  ['on', NOTHING, { ...NOTHING, bot: true }],
] as const)('with HONOR_GPC=%s', (HONOR_GPC, ofPerson, ofBot) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(databases.at(-1)!, { HONOR_GPC })
  })
  afterAll(() => server.stop())

  test.each([
    ['a person who asks', {}, 'GET', asked, ofPerson],
    ['a bot that asks', {}, 'GET', BOT, ofBot],
    ['a person who does not ask', {}, 'GET', { ...asked, 'sec-gpc': '0' }, ALL],
    ['a person who asks, at a link with rules', { forward_query: 'add' }, 'GET', asked, ofPerson],
    ['a person who asks and presses the button', { confirm: true }, 'POST', asked, ofPerson],
  ])('%s', async (_, link, method, headers, details) => {
    const { body } = await server.post('/urls', { original_url: 'https://example.com/', ...link })
    await server.call(method, `/${body.short_code}`, undefined, headers)
    const { body: stats } = await server.settled(`/urls/${body.id}/stats`)
    expect({ clicks: stats.clicks, bots: stats.bots }).toEqual({ clicks: 1, bots: 'bot' in details ? 1 : 0 })
    const { body: events } = await server.get(`/events?url_id=${body.id}&event_type=click`)
    expect(events).toHaveLength(1)
    expect(events[0].details).toEqual(details)
  })
})
