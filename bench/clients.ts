// The headers that visitors send: Bun builds all of them as soon as one is read, so their number counts.

const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'

/** What a record of a click is made of. */
export const BROWSER = { 'user-agent': AGENT, referer: 'https://news.example.com/item' }

/** With Host, 6 headers: a program or an app through a proxy. */
export const SIX = {
  ...BROWSER,
  accept: '*/*',
  'accept-encoding': 'gzip',
  'x-forwarded-for': '203.0.113.77',
}

/** With Host, 18 headers: Chrome through nginx. */
export const EIGHTEEN = {
  ...BROWSER,
  accept:
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-US,en;q=0.9,de;q=0.8',
  'cache-control': 'max-age=0',
  priority: 'u=0, i',
  'sec-ch-ua': '"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Linux"',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'cross-site',
  'sec-fetch-user': '?1',
  'upgrade-insecure-requests': '1',
  'x-forwarded-for': '203.0.113.77',
  'x-forwarded-proto': 'https',
}
