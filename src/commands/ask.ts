// What commands ask of a server that runs, as its operator.
import type { Config } from '../config.ts'

const ANSWER_WITHIN = 5_000

/** Where the server of these settings is reached from its own machine. */
export function baseOf({ HOST, PORT }: Config): string {
  const host = HOST === '0.0.0.0' ? '127.0.0.1' : HOST.includes(':') ? (HOST === '::' ? '[::1]' : `[${HOST}]`) : HOST
  return `http://${host}:${PORT}`
}

type Wish = { body?: unknown; headers?: Record<string, string> }

/** The answer's JSON. Throws a sentence where there is none within 5 s, or it is an error. */
export async function ask(
  base: string,
  { ADMIN_TOKEN }: Pick<Config, 'ADMIN_TOKEN'>,
  method: string,
  path: string,
  { body, headers }: Wish = {},
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
  const hint = response.status === 401 ? '; set ADMIN_TOKEN to that of the server' : ''
  throw new Error(`${method} ${path} was answered ${response.status}: ${answer.error ?? 'no reason given'}${hint}`)
}
