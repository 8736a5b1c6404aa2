// The card of a link: who gets it, what is in it, and where it is not shown.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cardPage, isPreviewAgent } from '../src/redirect/card.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

describe('is for', () => {
  test.each([
    ['Slack', 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)'],
    ['Discord', 'Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)'],
    ['Facebook', 'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)'],
    ['X', 'Twitterbot/1.0'],
    ['LinkedIn', 'LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)'],
    ['WhatsApp and Signal', 'WhatsApp/2.23.20.0 A'],
    ['Telegram', 'TelegramBot (like TwitterBot)'],
    ['Mastodon', 'Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.social/)'],
    ['an older Mastodon', 'http.rb/5.1.1 (Mastodon/4.1.0; +https://mastodon.social/) Bot'],
    [
      'Messages of Apple',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0',
    ],
    ['Teams', 'Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5'],
    ['Matrix', 'Synapse (bot; +https://github.com/matrix-org/synapse)'],
    ['Bluesky', 'Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)'],
  ])('%s', (_, agent) => expect(isPreviewAgent(agent)).toBe(true))
})

describe('is not for', () => {
  test.each([
    [
      'a browser',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    ],
    ['a search engine', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
    ['another', 'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)'],
    [
      'Apple’s',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)',
    ],
    [
      'the browser in Facebook',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 [FBAN/FBIOS;FBAV/480.0]',
    ],
    [
      'the browser in LinkedIn',
      'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36 [LinkedInApp]',
    ],
    [
      'the browser in X',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Twitter for iPhone',
    ],
    [
      'the app of Discord',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 discord/0.0.90 Chrome/128.0.0.0 Electron/32.0.0 Safari/537.36',
    ],
    ['curl', 'curl/8.14.1'],
    ['nobody', ''],
  ])('%s', (_, agent) => expect(isPreviewAgent(agent)).toBe(false))
})

test('has everything escaped', () => {
  const hostile = `"><script>alert('1')</script>&amp;`
  const page = cardPage({ title: hostile, description: hostile, image: `https://i.example/"onerror=x` }, 'https://s.example/a"b')
  expect(page).not.toMatch(/<script|"onerror|a"b|'1'/)
  expect(page).toContain('&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;amp;')
})

describe('a link with a card', () => {
  const TARGET = 'https://target.example/secret-path'
  const CARD = { title: 'Größe & Co', description: 'What it is about', image: 'https://images.example/a.png' }
  const SLACK = { 'user-agent': 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', accept: '*/*' }
  const CHROME = {
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  }
  let server: TestServer
  let named: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
    named = await serveOn(anyDatabase, { PUBLIC_URL: 'https://go.example.com', ADMIN_TOKEN: 'an-operators-long-token' })
  })
  afterAll(() => Promise.all([server.stop(), named.stop()]))

  const make = async (body: Record<string, unknown>, on = server) =>
    (await on.post('/urls', { original_url: TARGET, ...body })).body as { id: number; short_code: string }
  /** The tags of a page, as a program reads them. */
  async function tagsIn(html: string) {
    const tags: Record<string, string> = {}
    await new HTMLRewriter()
      .on('meta[property],meta[name]', {
        element: (tag) => void (tags[(tag.getAttribute('property') ?? tag.getAttribute('name'))!] = tag.getAttribute('content')!),
      })
      .on('link[rel=canonical]', { element: (tag) => void (tags.canonical = tag.getAttribute('href')!) })
      .transform(new Response(html))
      .text()
    return tags
  }

  test('shows it to a chat, without the target, and counts that as a bot', async () => {
    const { short_code, id } = await make({ card: CARD }, named)
    const { status, headers, text } = await named.get(`/${short_code}`, { ...SLACK, authorization: '' })
    expect([status, headers.get('content-type'), headers.get('location')]).toEqual([200, 'text/html; charset=utf-8', null])
    expect(headers.get('cache-control')).toContain('no-store')
    expect(headers.get('content-security-policy')).toStartWith("default-src 'none'")
    expect(await tagsIn(text)).toEqual({
      'og:type': 'website',
      'og:url': `https://go.example.com/${short_code}`,
      'og:title': 'Größe &amp; Co',
      'og:description': CARD.description,
      'og:image': CARD.image,
      'twitter:card': 'summary_large_image',
      description: CARD.description,
      canonical: `https://go.example.com/${short_code}`,
    })
    expect(text).not.toContain('target.example')
    expect((await named.call('HEAD', `/${short_code}`, undefined, SLACK)).status).toBe(200)
    const { body } = await named.settled(`/urls/${id}/stats`)
    expect({ clicks: body.clicks, bots: body.bots }).toEqual({ clicks: 1, bots: 1 })
  })

  test.each([
    ['a title', { title: 'T' }, { 'og:title': 'T', 'twitter:card': 'summary' }],
    [
      'a description',
      { description: 'D' },
      { 'og:title': expect.stringMatching(/^127\.0\.0\.1:\d+\/\w+$/), 'og:description': 'D' },
    ],
    ['an image', { image: 'https://i.example/' }, { 'og:image': 'https://i.example/', 'twitter:card': 'summary_large_image' }],
  ])('of only %s', async (_, card, tags) => {
    const { short_code } = await make({ card })
    expect(await tagsIn((await server.get(`/${short_code}`, SLACK)).text)).toMatchObject(tags)
  })

  test('has the short URL of an imported code percent-encoded, and readable as its title', async () => {
    const form = new FormData()
    form.append('file', new File([`short_code,original_url\nfür/dich.2024,${TARGET}\n`], 'urls.csv'))
    expect((await server.post('/urls/bulk', form)).status).toBe(201)
    const [{ id, short_url }] = (await server.get(`/urls?code=${encodeURIComponent('für/dich.2024')}`)).body
    expect((await server.call('PATCH', `/urls/${id}`, { card: { description: 'D' } })).status).toBe(200)
    const visit = () => server.get(new URL(short_url).pathname, SLACK)
    await until('the edge copy has it', async () => (await visit()).status === 200)
    expect(await tagsIn((await visit()).text)).toMatchObject({
      'og:url': `${server.base}/f%C3%BCr/dich.2024`,
      canonical: `${server.base}/f%C3%BCr/dich.2024`,
      'og:title': `${new URL(server.base).host}/für/dich.2024`,
    })
  })

  test.each([
    ['a browser is redirected', {}, CHROME, 302],
    ['a chat is redirected where there is none', { card: null }, SLACK, 302],
    ['one that is inactive', { is_active: false }, SLACK, 404],
    ['one that is not valid yet', { valid_from: '2100-01-01T00:00:00Z' }, SLACK, 404],
    ['one with a password', { password: 'secret' }, SLACK, 401],
    ['one with a button shows it', { confirm: true }, SLACK, 200],
    ['one with limited clicks shows it', { max_clicks: 1 }, SLACK, 200],
  ])('%s', async (_, link, headers, status) => {
    const { short_code } = await make({ card: CARD, ...link })
    const answer = await server.get(`/${short_code}`, headers)
    expect([answer.status, answer.text.includes('og:title')]).toEqual([status, status === 200])
  })

  test('keeps all of it, when it is created and when it is changed', async () => {
    const { id } = await make({})
    for (const link of [await make({ card: CARD }), (await server.call('PATCH', `/urls/${id}`, { card: CARD })).body])
      expect((await server.get(`/urls/${link.id}`)).body.card).toEqual(CARD)
  })

  test('one to a blocked host, and one that has expired, show none', async () => {
    const blocked = await make({ card: CARD, original_url: 'https://evil.example/' })
    const expired = await make({ card: CARD, valid_until: new Date(Date.now() + 200).toISOString() })
    await server.post('/api/blocklist', { host: 'evil.example' })
    await until('it expired', async () => (await server.get(`/${expired.short_code}`, CHROME)).status === 410)
    for (const { short_code } of [blocked, expired]) {
      const { status, text } = await server.get(`/${short_code}`, SLACK)
      expect([status, text.includes('og:')]).toEqual([410, false])
    }
  })
})
