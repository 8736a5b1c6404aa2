// Serves what people look at: the console, the API's documentation, and their assets, embedded in the executable.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { staticPlugin } from '@elysiajs/static'
import { Elysia } from 'elysia'
import type { Config } from './config.ts'
import { assetsFolder } from './executable.ts'
import { openToAll } from './http/access.ts'
import { PAGE_POLICY } from './http/headers.ts'
import { errorPage, errorPageHeaders } from './http/pages.ts'
import { notFound } from './http/problem.ts'

const hidden = { detail: { hide: true, ...openToAll } }

/** Names are stable, so a browser asks each time and is mostly told 304. */
const SAFE = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache' }

/** What crawlers have no business with; short links are for them to follow. */
const ROBOTS = [
  '/console',
  '/dashboard',
  '/swagger',
  '/apidocs',
  '/docs',
  '/api/',
  '/urls',
  '/users',
  '/events',
  '/logs',
  '/metrics',
]

/** The console, its deep links, the docs, and the small files every browser asks for. None is in the OpenAPI document. */
export async function consoleRoutes(config: Pick<Config, 'LANDING_URL'>) {
  const console = page('console/index.html')
  const docs = page('swagger/index.html')
  const icon = file('console/favicon.svg', 'image/svg+xml')
  const robots = document(`User-agent: *\n${ROBOTS.map((path) => `Disallow: ${path}\n`).join('')}`, 'text/plain; charset=utf-8')

  return new Elysia()
    .use(await assets('console'))
    .use(await assets('swagger'))
    .get('/', () => redirect(config.LANDING_URL ?? '/console'), hidden)
    .get('/console', ({ request }) => console(request), hidden)
    .get('/dashboard', ({ request }) => console(request), hidden)
    .get(
      '/console/*',
      ({ request, params }) => {
        if (params['*'].includes('.')) throw notFound('Page') // a file that is not there, rather than a page of the console
        return console(request)
      },
      hidden,
    )
    .get('/swagger', ({ request }) => docs(request), hidden)
    .get('/apidocs', ({ request }) => docs(request), hidden)
    .get('/docs', () => redirect('/swagger'), hidden)
    .get('/favicon.ico', ({ request }) => icon(request), hidden)
    .get('/robots.txt', ({ request }) => robots(request), hidden)
}

async function assets(folder: string) {
  const path = join(assetsFolder, folder)
  if (!existsSync(path)) return new Elysia()
  return staticPlugin({
    assets: path,
    prefix: `/${folder}`,
    alwaysStatic: true,
    ignorePatterns: [/\.html$/], // pages carry a policy of their own
    indexHTML: false,
    headers: SAFE,
    detail: hidden.detail,
  })
}

type Answer = (request: Request) => Response

function page(name: string): Answer {
  return file(name, 'text/html; charset=utf-8', { 'Content-Security-Policy': PAGE_POLICY })
}

function file(name: string, type: string, headers: Record<string, string> = {}): Answer {
  const path = join(assetsFolder, name)
  if (existsSync(path)) return document(new Uint8Array(readFileSync(path)), type, headers)
  const text = 'This copy of Waypost runs from its source without the built pages. Build them with: bun run assets'
  return () => new Response(errorPage(503, 'This page has not been built', text), { status: 503, headers: errorPageHeaders })
}

function document(body: string | Uint8Array<ArrayBuffer>, type: string, headers: Record<string, string> = {}): Answer {
  const etag = `"${new Bun.CryptoHasher('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const all = { ...SAFE, ...headers, ETag: etag }
  return (request) => {
    const known = request.headers
      .get('if-none-match')
      ?.split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === etag)
    if (known) return new Response(null, { status: 304, headers: all })
    return new Response(body, { headers: { ...all, 'Content-Type': type } })
  }
}

const redirect = (to: string) => new Response(null, { status: 302, headers: { Location: to, 'Cache-Control': 'no-cache' } })
