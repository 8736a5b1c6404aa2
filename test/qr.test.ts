// QR codes lead where they should: PNG and SVG files are decoded and scanned by programs of others.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import jsQR from 'jsqr'
import { PNG } from 'pngjs'
import { isReadable, leastSize, PLAIN, qrCode, qrPng } from '../src/base/qr-code.ts'
import { hasBrowser, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

let server: TestServer
let link: { id: number; short_url: string }
beforeAll(async () => {
  server = await serveOn(anyDatabase)
  link = (await server.post('/urls', { original_url: 'https://example.com/', short_code: 'scanned' })).body
})
afterAll(() => server.stop())

const bytesOf = async (path: string) => Buffer.from(await (await fetch(`${server.base}/urls/${link.id}/${path}`)).arrayBuffer())

/** What a scanner reads. */
const scan = ({ data, width, height }: PNG) =>
  jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' })?.data

/** The colours of a picture, as `#rrggbbaa`. */
const coloursOf = ({ data }: PNG) =>
  new Set(Array.from({ length: data.length / 4 }, (_, i) => `#${data.toString('hex', i * 4, i * 4 + 4)}`))

const FORMS: [query: string, size: number, colours?: [string, string]][] = [
  ['', 1024],
  ['?size=80', 80],
  ['?size=301&margin=0', 301],
  ['?size=2048&margin=16&ecc=h', 2048],
  ['?size=400&ecc=L', 400],
  ['?size=400&ecc=q&dark=0a6a8f&light=%23fffbe6', 400, ['#0a6a8f', '#fffbe6']],
  ['?size=400&dark=006', 400, ['#000066', '#ffffff']],
]

test.each(FORMS)('a PNG with %p is %d pixels wide, and scans', async (query, size, [dark, light] = ['#000000', '#ffffff']) => {
  const png = PNG.sync.read(await bytesOf(`qr.png${query}`))
  expect([png.width, png.height, scan(png)]).toEqual([size, size, link.short_url])
  expect(coloursOf(png)).toEqual(new Set([`${dark}ff`, `${light}ff`]))
})

test.skipIf(!hasBrowser).each(FORMS)('an SVG with %p is %d pixels wide in a browser, and scans', async (query, size) => {
  const { page, close } = await visit(server.base, { width: size, height: size })
  await page.goto(`/urls/${link.id}/qr.svg${query}`)
  const png = PNG.sync.read(await page.screenshot())
  expect([png.width, png.height, scan(png)]).toEqual([size, size, link.short_url])
  await close()
})

test('track=1 marks the address that is scanned, which leads to the same target', async () => {
  const scanned = scan(PNG.sync.read(await bytesOf('qr.png?size=300&track=1')))!
  expect(scanned).toBe(`${link.short_url}?qr`)
  const { status, headers } = await fetch(scanned, { redirect: 'manual' })
  expect([status, headers.get('location')]).toEqual([302, 'https://example.com/'])
})

describe('in capitals', () => {
  const inCapitals = (url: string) => url.toUpperCase()
  const modulesOf = (svg: string) => Number(/viewBox="0 0 (\d+) /.exec(svg)![1])

  test('a code is smaller, and leads to the same target', async () => {
    const insensitive = await serveOn(anyDatabase, { CODES: 'insensitive' })
    const { id, short_url } = (
      await insensitive.post('/urls', { original_url: 'https://example.com/capitals', short_code: 'in-capitals' })
    ).body
    const path = `/urls/${id}/qr`
    const png = await fetch(`${insensitive.base}${path}.png?size=300&capitals=1`)
    const scanned = scan(PNG.sync.read(Buffer.from(await png.arrayBuffer())))!
    expect(scanned).toBe(inCapitals(short_url))
    expect(scanned).toEndWith('/IN-CAPITALS')
    const { status, headers } = await fetch(scanned, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, 'https://example.com/capitals'])
    const [small, usual] = await Promise.all(
      ['?capitals=1', ''].map(async (query) => modulesOf((await insensitive.get(`${path}.svg${query}`)).text)),
    )
    expect(small).toBeLessThan(usual!)
    await insensitive.stop()
  })

  test('needs no setting if the code has no lower-case letters', async () => {
    const { id, short_url } = (await server.post('/urls', { original_url: 'https://example.com/', short_code: 'LOUD-1' })).body
    const png = await fetch(`${server.base}/urls/${id}/qr.png?capitals=true`)
    const scanned = scan(PNG.sync.read(Buffer.from(await png.arrayBuffer())))!
    expect(scanned).toBe(inCapitals(short_url))
    expect((await fetch(scanned, { redirect: 'manual' })).status).toBe(302)
  })

  test('is refused for a link that is not found so, and where it saves nothing', async () => {
    const { id } = (await server.post('/urls', { original_url: 'https://example.com/', short_code: 'LOUD_2' })).body
    for (const [path, message] of [
      [`${link.id}/qr.svg?capitals=1`, 'capitals cannot be used for this link: its short URL does not work in capitals'],
      [`${id}/qr.svg?capitals=1`, 'capitals makes the code no smaller, because the short URL contains _'],
      [`${id}/qr.png?capitals=1&track=1`, 'capitals cannot be combined with track: with ?qr, capitals make the code no smaller'],
    ] as const)
      expect([path, await server.get(`/urls/${path}`)]).toMatchObject([path, { status: 400, body: { error: message } }])
    expect((await server.get(`/urls/${link.id}/qr.svg?capitals=0`)).status).toBe(200)
  })

  test('is refused below a path that a proxy may know in lower case alone', async () => {
    const below = await serveOn(anyDatabase, { CODES: 'insensitive', PUBLIC_URL: 'https://go.example.com/to' })
    const { id } = (await below.post('/urls', { original_url: 'https://example.com/', short_code: 'below' })).body
    expect((await below.get(`/urls/${id}/qr.svg?capitals=1`)).status).toBe(400)
    await below.stop()
  })
})

test('an image that is known is not sent again', async () => {
  for (const file of ['qr.png', 'qr.svg']) {
    const path = `/urls/${link.id}/${file}?size=200`
    const first = await server.get(path)
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    expect((await server.get(path, { 'If-None-Match': first.headers.get('etag')! })).status).toBe(304)
  }
})

test.skipIf(!hasBrowser)('the console offers the same options, and downloads the same images as the API', async () => {
  const { page, open, violations, complaints, close } = await visit(server.base)
  await open(`links/${link.id}`)
  await page.getByRole('button', { name: 'QR' }).click()
  const dialog = page.getByRole('dialog', { name: 'QR code of scanned' })
  const file = async (kind: 'SVG' | 'PNG') => {
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: kind }).click()])
    return Buffer.from(await Bun.file(await download.path()).arrayBuffer())
  }
  expect(String(await file('SVG'))).toBe(String(await bytesOf('qr.svg')))

  await dialog.getByText('Size, margin, colours').click()
  const size = dialog.getByLabel('Size in pixels')
  await size.fill('20')
  await dialog.getByText(/^Enter a number from \d+ to 2048\.$/).waitFor()
  expect(await dialog.getByRole('button', { name: 'PNG' }).isDisabled()).toBe(true)
  await size.fill('300')
  await dialog.getByLabel('Margin in modules').fill('2')
  await dialog.getByLabel('Dark').fill('#ffffff')
  await dialog.getByText('Scanners cannot read this').waitFor()
  await dialog.getByLabel('Dark').fill('#0a6a8f')
  await dialog.getByLabel('Tolerates damage').selectOption('H')
  expect(await violations()).toEqual([])
  const query = 'size=300&margin=2&ecc=H&dark=0a6a8f'
  expect(String(await file('SVG'))).toBe(String(await bytesOf(`qr.svg?${query}`)))
  const [png, asked] = [await file('PNG'), await bytesOf(`qr.png?${query}`)].map((bytes) => PNG.sync.read(bytes))
  expect([scan(png!), png!.data.equals(asked!.data)]).toEqual([link.short_url, true])
  expect(complaints).toEqual([])
  await close()
})

describe('any text', () => {
  test.each([1, 20, 90, 300, 1_000])('of %d bytes scans at the least size that is allowed', async (length) => {
    const text = 'https://example.com/'.padEnd(length, 'ä/9x').slice(0, length)
    const code = qrCode(text, PLAIN)
    const png = PNG.sync.read(Buffer.from(await qrPng(code, { ...PLAIN, size: leastSize(code) })))
    expect(scan(png)).toBe(text)
  })
})

test.each([
  ['#000000', '#ffffff', true],
  ['#0a6a8f', '#ffffff', true],
  ['#ffffff', '#000000', false],
  ['#949494', '#ffffff', true], // 3.03:1
  ['#959595', '#ffffff', false], // 2.99:1
])('%s on %s is readable: %p', (dark, light, readable) => expect(isReadable({ dark, light })).toBe(readable))
