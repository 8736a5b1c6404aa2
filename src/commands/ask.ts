// Requests of commands to a running server, as its operator.

import { readIp } from '../base/ip.ts'
import type { Config } from '../config/config.ts'

const ANSWER_WITHIN = 5_000

/** The URL of the server with these settings, from its own machine. */
export function baseOf({ HOST, PORT }: Config): string {
  const host = HOST.replace(/^\[(.*)\]$/, '$1')
  const ip = readIp(host)
  if (ip?.range() === 'unspecified') return `http://${ip.kind() === 'ipv4' ? '127.0.0.1' : '[::1]'}:${PORT}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`
}

type Options = { body?: unknown; headers?: Record<string, string> }

/** Returns the JSON of the response. Throws an error with a readable message if there is none within 5 s, or for an error status. */
export async function ask(
  base: string,
  { ADMIN_TOKEN }: Pick<Config, 'ADMIN_TOKEN'>,
  method: string,
  path: string,
  { body, headers }: Options = {},
): Promise<unknown> {
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(ADMIN_TOKEN && { Authorization: `Bearer ${ADMIN_TOKEN}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    redirect: 'manual',
    proxy: false,
    signal: AbortSignal.timeout(ANSWER_WITHIN),
  }).catch((error) => {
    throw new Error(`no answer from ${base}: ${error.message}`)
  })
  const answer = (await response.json().catch(() => ({}))) as { error?: string }
  if (response.ok) return answer
  const hint = response.status === 401 ? '; set ADMIN_TOKEN to the server’s token' : ''
  throw new Error(`${method} ${path} failed with ${response.status}: ${answer.error ?? 'no reason given'}${hint}`)
}
