import { decoded } from '../../base/ending.ts'
import { Problem } from '../../base/problem.ts'
import type { Link } from '../../links/schema.ts'
import { askJson, type Server } from './server.ts'

/**
 * The link with this id, code or short URL. Throws a Problem with status 404. A URL must be exactly the short URL of a link, so that nobody deletes
 * another link by the last word of some address.
 */
export async function findLink(server: Server, text: string): Promise<Link> {
  const link = /^\d+$/.test(text) ? await byId(server, text) : ((await byCode(server, text)) ?? (await byUrl(server, text)))
  if (!link) throw new Problem(404, `there is no link ${text} on ${server.base}`)
  return link
}

async function byId(server: Server, id: string): Promise<Link | undefined> {
  try {
    return await askJson<Link>(server, 'GET', `/urls/${id}`)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined
    throw error
  }
}

async function byCode(server: Server, code: string): Promise<Link | undefined> {
  if (code === '' || /^https?:\/\//i.test(code)) return undefined
  const [link] = await askJson<Link[]>(server, 'GET', `/urls?${new URLSearchParams({ code, per_page: '1' })}`)
  return link
}

/** `go.example.com/abc`, with or without scheme, a + or a slash at the end. */
async function byUrl(server: Server, text: string): Promise<Link | undefined> {
  const url = text.includes('/') ? URL.parse(/^https?:\/\//i.test(text) ? text : `http://${text}`) : null
  const [, base, code = ''] = /^(.+)\/([^/]+?)(?:\+|%2B)?\/?$/i.exec(url ? url.host + url.pathname : '') ?? []
  const link = await byCode(server, decoded(code))
  if (!link) return undefined
  const { host, pathname } = new URL('.', link.short_url)
  return base === (host + pathname).replace(/\/$/, '') ? link : undefined
}
