// Finishes every response except redirects: common headers, metrics, one line in the log.
import { createAccessLog } from '../http/access-log.ts'
import type { Exchange } from '../http/exchange.ts'
import { protect, transportSecurity } from '../http/headers.ts'
import type { Context } from './context.ts'

/** Returns a function that finishes a response that took `ms`; `cause` is the error behind it, for the log. */
export function createFinish({ config, log, cors, metrics }: Context) {
  const logAccess = createAccessLog(log)
  const hsts = transportSecurity(config)

  return (request: Request, response: Response, exchange: Exchange, ms: number, cause: unknown): Response => {
    const { headers, status } = response
    headers.set('X-Request-Id', exchange.id)
    protect(headers)
    const byTls = hsts?.(request)
    if (byTls) headers.set('Strict-Transport-Security', byTls)
    if (exchange.limit && status !== 429) for (const [name, value] of Object.entries(exchange.limit)) headers.set(name, value)
    cors?.mark(request, headers)
    if (exchange.route === 'unmatched' && status < 400) exchange.route = 'console'
    metrics.observe(request.method, exchange.route, status, ms / 1000)
    const isRoutine = status === 302 || (status < 400 && exchange.principal.by === 'replica')
    if (!isRoutine) logAccess(exchange, request.method, status, ms, cause)
    return response
  }
}
