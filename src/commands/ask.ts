// Requests of commands to a running server.

import { isLoopback, readIp } from '../base/ip.ts'
import type { Config } from '../config/config.ts'

const ANSWER_WITHIN = 5_000

/** The URL of the server with these settings, from its own machine. */
export function baseOf({ HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>): string {
  const host = HOST.replace(/^\[(.*)\]$/, '$1')
  const ip = readIp(host)
  if (ip?.range() === 'unspecified') return `http://${ip.kind() === 'ipv4' ? '127.0.0.1' : '[::1]'}:${PORT}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`
}

/** No response: the server is not running, or not at this address. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

type Options = { body?: unknown; headers?: Record<string, string>; token?: string; within?: number; proxy?: false }

/**
 * Sends `body` as JSON, and never follows a redirect, which would send the token elsewhere. Throws NoAnswer if there is no response within `within`
 * ms. Uses a proxy of the environment unless `proxy` is false or the host is loopback.
 */
export async function send(
  base: string,
  method: string,
  path: string,
  { body, headers, token, within = ANSWER_WITHIN, proxy }: Options = {},
): Promise<Response> {
  const direct = proxy === false || isLoopback(new URL(base).hostname)
  return fetch(base + path, {
    method,
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    redirect: 'manual',
    ...(direct && { proxy: false }),
    signal: AbortSignal.timeout(within),
  }).catch((error) => {
    throw new NoAnswer(`no answer from ${base}: ${error.message}`)
  })
}

/**
 * Asks a server of this fleet, as its operator. Returns the JSON of the response. Throws an error with a readable message for an error status, and if
 * no response comes within 5 s.
 */
export async function ask(
  base: string,
  { ADMIN_TOKEN }: Pick<Config, 'ADMIN_TOKEN'>,
  method: string,
  path: string,
  options: Pick<Options, 'body' | 'headers'> = {},
): Promise<unknown> {
  const response = await send(base, method, path, { ...options, token: ADMIN_TOKEN, proxy: false })
  const answer = (await response.json().catch(() => ({}))) as { error?: string }
  if (response.ok) return answer
  const hint = response.status === 401 ? '; set ADMIN_TOKEN to the server’s token' : ''
  throw new Error(`${method} ${path} failed with ${response.status}: ${answer.error ?? 'no reason given'}${hint}`)
}
