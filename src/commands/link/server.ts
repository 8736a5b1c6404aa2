// The server that `waypost link` talks to.
import { Problem } from '../../base/problem.ts'
import type { Config } from '../../config/config.ts'
import { baseOf, NoAnswer, send } from '../ask.ts'

const ANSWER_WITHIN = 30_000

export type Server = { base: string; token?: string }

/** WAYPOST_URL with WAYPOST_KEY; if it is unset, the server of this machine. Only that one may get ADMIN_TOKEN. */
export function serverOf({ WAYPOST_URL, WAYPOST_KEY, ADMIN_TOKEN, HOST, PORT }: Config): Server {
  if (WAYPOST_URL === undefined) return { base: baseOf({ HOST, PORT }), token: WAYPOST_KEY ?? ADMIN_TOKEN }
  return { base: WAYPOST_URL, token: WAYPOST_KEY }
}

/** Returns a successful response. Throws NoAnswer if none comes within 30 s, and a Problem with the server's text and status for an error. */
export async function ask({ base, token }: Server, method: string, path: string, body?: unknown): Promise<Response> {
  const response = await send(base, method, path, { body, token, within: ANSWER_WITHIN })
  if (response.ok) return response
  const { status, headers } = response
  const to = headers.get('location')
  if (status >= 300 && status < 400 && to)
    throw new Problem(400, `${base} redirects to ${to}: set WAYPOST_URL to the address that it redirects to`)
  const { error, details = [] } = (await response.json().catch(() => ({}))) as {
    error?: string
    details?: { field: string; message: string }[]
  }
  const others = details.slice(1).map(({ field, message }) => `; ${field} ${message}`)
  const hint = status === 401 ? ` (set WAYPOST_KEY to a key of ${base})` : ''
  throw new Problem(
    status,
    `${error ?? `${base} answered ${status} to ${method} ${path}: is it Waypost?`}${others.join('')}${hint}`,
    {
      headers: { 'Retry-After': headers.get('retry-after') ?? '' },
    },
  )
}

/** The JSON of a successful response. */
export async function askJson<T>(server: Server, method: string, path: string, body?: unknown): Promise<T> {
  return jsonOf<T>(server, await ask(server, method, path, body))
}

export async function jsonOf<T>({ base }: Server, response: Response): Promise<T> {
  return response.json().catch(() => {
    throw new NoAnswer(`${base} did not answer with JSON: WAYPOST_URL must be the base of a Waypost server`)
  }) as Promise<T>
}
