// A server in this process, for tests: the same parts as `waypost serve`, on a free port.
import { readConfig } from '../src/config/config.ts'
import { startServer } from '../src/server/server.ts'
import { type DatabaseKind, quiet } from './databases.ts'
import { freePort } from './postgres.ts'

export type Answer = { status: number; headers: Headers; body: any; text: string }
export type TestServer = Awaited<ReturnType<typeof serveOn>>

/** For tests that ask more of a server than its limits would let them. */
export const UNLIMITED = { RATE_CREATE: 'off', RATE_READ: 'off', RATE_SIGN_IN: 'off', RATE_UNKNOWN: 'off' }

/** ms. The 150 of the product may be too short on a machine that is busy with other tests. */
const PATIENT = { visitorsWait: 5_000 }

/**
 * Starts a server on a fresh database of that kind. `settings` are added to its settings; `visitorsWait` is in ms, and the product's own where
 * it is left out.
 */
export async function serveOn(
  kind: DatabaseKind,
  settings: Record<string, string> = {},
  { visitorsWait }: { visitorsWait?: number } = PATIENT,
) {
  const { log, ring } = quiet()
  const port = await freePort()
  const config = readConfig({ ...(await kind.settings()), PORT: String(port), DRAIN_WAIT: '0', ...settings }, {})
  const exited = Promise.withResolvers<number>()
  const server = await startServer(config, log, ring, exited.resolve, { visitorsWait })
  const base = `http://127.0.0.1:${port}`
  const headers: Record<string, string> = config.ADMIN_TOKEN ? { authorization: `Bearer ${config.ADMIN_TOKEN}` } : {}

  /** Sends `body` as JSON unless it is a string, a form or bytes; never follows a redirect. */
  async function call(method: string, path: string, body?: unknown, extra: Record<string, string> = {}): Promise<Answer> {
    const raw =
      typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array || body instanceof ReadableStream
    const type: Record<string, string> =
      body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }
    const response = await fetch(base + path, {
      method,
      headers: { ...headers, ...type, ...extra },
      body: body === undefined ? undefined : raw ? (body as BodyInit) : JSON.stringify(body),
      redirect: 'manual',
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parse(text) }
  }

  return {
    ...server,
    base,
    ring,
    call,
    get: (path: string, extra?: Record<string, string>) => call('GET', path, undefined, extra),
    /** Asks until every click that the answer counts is stored, at most 60 s. */
    async settled(path: string): Promise<Answer> {
      const deadline = Date.now() + 60_000
      for (;;) {
        const answer = await call('GET', path)
        if (!answer.headers.has('x-clicks-pending') || Date.now() > deadline) return answer
        await Bun.sleep(50)
      }
    },
    post: (path: string, body?: unknown, extra?: Record<string, string>) => call('POST', path, body, extra),
    async stop() {
      await server.lifecycle.drain(0, 'the test is over')
      return exited.promise
    },
  }
}

function parse(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
