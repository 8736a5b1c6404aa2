import { pathOf } from '../../base/code-path.ts'
import { decoded } from '../../base/ending.ts'
import { Problem } from '../../base/problem.ts'
import type { Link } from '../../links/schema.ts'
import { askJson, type Server } from './server.ts'

/**
 * The link with this id, code or short URL. Throws a Problem with status 404. A URL must be exactly the short URL of a link, so that nobody deletes
 * another link by the last word of some address.
 */
export async function findLink(server: Server, text: string): Promise<Link> {
  const named = /^\d+$/.test(text) ? { id: text } : ((await byCode(server, text)) ?? (await byUrl(server, text)))
  const link = named && (await byId(server, named.id)) // lists do not contain aliases
  if (!link) throw new Problem(404, `there is no link ${text} on ${server.base}`)
  return link
}

async function byId(server: Server, id: string | number): Promise<Link | undefined> {
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

const MAX_PARTS = 8

/** `go.example.com/abc`, with or without scheme, a + or a slash at the end. A code may contain slashes: the shortest that fits is taken. */
async function byUrl(server: Server, text: string): Promise<Link | undefined> {
  const url = text.includes('/') ? URL.parse(/^https?:\/\//i.test(text) ? text : `http://${text}`) : null
  const address = url ? (url.host + url.pathname).replace(/(?:\+|%2B)?\/?$/i, '') : ''
  let at = address.lastIndexOf('/')
  for (let n = 0; at > 0 && n < MAX_PARTS; n++, at = address.lastIndexOf('/', at - 1)) {
    const link = await byCode(server, decoded(address.slice(at + 1)))
    if (link && address.slice(0, at) === baseOf(link)) return link
  }
  return undefined
}

function baseOf({ short_url, short_code }: Link): string {
  const { host, pathname } = new URL(short_url.slice(0, -pathOf(short_code).length))
  return (host + pathname).replace(/\/$/, '')
}
