// The 404 of a code that no link has. Scanners ask for thousands of them a second, so it is made from parts that are ready.
import { notFound, problemBody } from '../base/problem.ts'
import type { Exchange } from '../http/exchange.ts'
import { protect } from '../http/headers.ts'
import { prefersHtml } from '../http/pages.ts'
import type { Finish } from './finish.ts'

/** An id has no character that JSON escapes. */
const ID = 'id'
const [BEFORE, AFTER] = JSON.stringify(problemBody(notFound('URL'), ID)).split(`"${ID}"`)

/** Returns a function that answers such a request; `page` answers a browser. */
export function createNowhere(count: Finish['count'], page: (request: Request, exchange: Exchange) => Response) {
  const headers = new Headers({ 'Cache-Control': 'no-store', 'Content-Type': 'application/json' })
  protect(headers)

  return (request: Request, exchange: Exchange): Response => {
    if (prefersHtml(request)) return page(request, exchange)
    headers.set('X-Request-Id', exchange.id)
    const body = `${BEFORE}"${exchange.id}"${AFTER}`
    return count(request, new Response(body, { status: 404, headers }), exchange, 0) // copies the headers
  }
}
