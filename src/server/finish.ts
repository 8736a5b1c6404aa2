// Finishes every response except redirects: common headers, metrics, one line in the log.
import { createAccessLog } from '../http/access-log.ts'
import type { Exchange } from '../http/exchange.ts'
import { protect, transportSecurity } from '../http/headers.ts'
import type { Context } from './context.ts'

export type Finish = ReturnType<typeof createFinish>

/** `ms`: how long the response took; `cause`: the error behind it, for the log. */
export function createFinish({ config, log, cors, metrics }: Context) {
  const logAccess = createAccessLog(log)
  const secure = transportSecurity(config)

  /** Finishes a response that has its id and the headers of `protect`. */
  function count(request: Request, response: Response, exchange: Exchange, ms: number, cause?: unknown): Response {
    const { status } = response
    secure(request, response)
    if (exchange.limit && status !== 429)
      for (const [name, value] of Object.entries(exchange.limit)) response.headers.set(name, value)
    cors?.mark(request, response.headers)
    if (exchange.route === 'unmatched' && status < 400) exchange.route = 'console'
    metrics.observe(request.method, exchange.route, status, ms / 1000)
    const isRoutine = status === 302 || (status < 400 && exchange.principal.by === 'replica')
    if (!isRoutine) logAccess(exchange, request.method, status, ms, cause)
    return response
  }

  return {
    count,
    finish(request: Request, response: Response, exchange: Exchange, ms: number, cause: unknown): Response {
      response.headers.set('X-Request-Id', exchange.id)
      protect(response.headers)
      return count(request, response, exchange, ms, cause)
    },
  }
}
