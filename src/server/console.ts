// Serves the console, the API's documentation and their assets, which are embedded in the executable.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { staticPlugin } from '@elysiajs/static'
import { Elysia } from 'elysia'
import { assetsFolder } from '../base/executable.ts'
import { notFound } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import { openToAll } from '../http/access.ts'
import { type Asset, asset, assetAt, FOREVER } from '../http/asset.ts'
import { isKnown } from '../http/etag.ts'
import { exchangeOf } from '../http/exchange.ts'
import { PAGE_POLICY } from '../http/headers.ts'
import { answerPage } from '../http/pages.ts'
import { openSearch } from './open-search.ts'
import { RESOURCES } from './resources.ts'

const hidden = { detail: { hide: true, ...openToAll } }

/** Paths that crawlers must not index; they may follow short links. */
const ROBOTS = [
  '/console',
  '/dashboard',
  '/swagger',
  '/apidocs',
  '/docs',
  '/api/',
  ...RESOURCES.flatMap(({ path }) => path ?? []),
  '/logs',
  '/metrics',
  '/prometheus',
  '/alert-status',
]

/** The console, its deep links, the docs, and the small files that every browser requests. None is in the OpenAPI document. */
export async function consoleRoutes(config: Pick<Config, 'LANDING_URL'>) {
  const forConsole = assetsIn('console')
  const forDocs = assetsIn('swagger')
  const hashed = (url: string) => (url.startsWith('/console/') ? forConsole : forDocs).hashed(url)
  const console = page('console/index.html', hashed)
  const docs = page('swagger/index.html', hashed)
  const icon = forConsole.named('favicon.svg')
  const robots = asset(
    { identity: `User-agent: *\n${ROBOTS.map((path) => `Disallow: ${path}\n`).join('')}` },
    'text/plain; charset=utf-8',
  )

  return new Elysia()
    .use(await licences('swagger'))
    .get('/', () => redirect(config.LANDING_URL ?? '/console'), hidden)
    .get('/console', ({ request }) => console(request), hidden)
    .get('/dashboard', ({ request }) => console(request), hidden)
    .get(
      '/console/*',
      ({ request, params }) => (/^[^/]*\./.test(params['*']) ? forConsole.answer(request, params['*']) : console(request)),
      hidden,
    )
    .get('/swagger', ({ request }) => docs(request), hidden)
    .get('/swagger/:file', ({ request, params }) => forDocs.answer(request, params.file), hidden)
    .get('/apidocs', ({ request }) => docs(request), hidden)
    .get('/docs', () => redirect('/swagger'), hidden)
    .get('/favicon.ico', ({ request }) => icon?.answer(request) ?? notBuilt(), hidden)
    .get('/robots.txt', ({ request }) => robots.answer(request), hidden)
    .get('/opensearch.xml', ({ request }) => openSearch(exchangeOf(request).origin).answer(request), hidden)
}

/** The licences next to the packed files, unchanged. The plugin does not quote its ETags, which RFC 9110 requires, so we do it here. */
async function licences(folder: string) {
  const path = join(assetsFolder, folder)
  if (!existsSync(path)) return new Elysia()
  return new Elysia()
    .onAfterHandle(({ request, response }) => {
      const { headers } = response as Response
      const tag = `"${headers.get('etag')}"`
      headers.set('ETag', tag)
      return isKnown(request.headers.get('if-none-match'), tag) ? new Response(null, { status: 304, headers }) : undefined
    })
    .use(
      await staticPlugin({
        assets: path,
        prefix: `/${folder}`,
        alwaysStatic: true,
        ignorePatterns: [/\.(js|css|html|svg|br|gz)$/],
        headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache' },
        detail: hidden.detail,
      }),
    )
}

const HASHED = /^(.+)-([0-9a-f]{10})(\.[a-z]+)$/
const FORMS = /\.(html|br|gz)$/ // pages have separate routes, and encodings are negotiated

/**
 * The files of one folder. Each is served under its own name, and under a name with its hash, which browsers cache forever. A name with a
 * different hash (requested by a page of another release during an upgrade) gets the current file, uncached.
 */
function assetsIn(folder: string) {
  const path = join(assetsFolder, folder)
  const names = new Set(existsSync(path) ? readdirSync(path).filter((name) => !FORMS.test(name)) : [])
  const read = new Map<string, Asset>()

  function named(name: string): Asset | undefined {
    if (!names.has(name)) return undefined
    let found = read.get(name)
    // A worker needs its own policy.
    const policy: Record<string, string> = name.endsWith('-worker.js') ? { 'Content-Security-Policy': PAGE_POLICY } : {}
    if (!found) read.set(name, (found = assetAt(join(path, name), typeOf(name), policy)))
    return found
  }

  return {
    named,
    /** `/console/console.js` with its hash; unchanged if there is no such file. */
    hashed(url: string): string {
      const name = url.slice(`/${folder}/`.length)
      const hash = named(name)?.hash
      return hash ? `/${folder}/${name.replace(/\.[a-z]+$/, `-${hash}$&`)}` : url
    },
    answer(request: Request, name: string): Response {
      exchangeOf(request).route = 'console'
      const plain = named(name)
      if (plain) return plain.answer(request)
      const [, stem, hash, ending] = HASHED.exec(name) ?? []
      const kept = stem ? named(stem + ending) : undefined
      if (!kept) throw notFound('Page')
      return kept.answer(request, kept.hash === hash ? FOREVER : 'no-store')
    },
  }
}

/** A page that references its files by their hashed names. */
function page(name: string, hashed: (url: string) => string): (request: Request) => Response {
  const path = join(assetsFolder, name)
  if (!existsSync(path)) return notBuilt
  let built: Asset | undefined
  const names = (text: string) => text.replace(/(?<=(?:href|src)=")\/(?:console|swagger)\/[^"]+\.[a-z]+(?=")/g, hashed)
  return (request) =>
    (built ??= assetAt(path, 'text/html; charset=utf-8', { 'Content-Security-Policy': PAGE_POLICY }, names)).answer(request)
}

function notBuilt(): Response {
  const text = 'Waypost runs from source without the built pages. Build them with: bun run assets'
  return answerPage(503, { title: 'This page has not been built', text })
}

const TYPES: Record<string, string> = {
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  png: 'image/png',
  webmanifest: 'application/manifest+json',
}

function typeOf(name: string): string {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'text/plain'
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}

const redirect = (to: string) => new Response(null, { status: 302, headers: { Location: to, 'Cache-Control': 'no-cache' } })
