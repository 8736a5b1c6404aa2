// The state of a request in flight, by its Request: the pipeline creates it, handlers read it.
import type { Principal } from './principal.ts'

export type Exchange = {
  id: string
  /** The path of the URL, as sent. */
  path: string
  /** `http://host` as the client reached us, checked; the base of short_url where PUBLIC_URL is not set. */
  origin: string
  /** The route's pattern, `/users/:id`, once it is known. */
  route: string
  /** The pattern of the path, where no route has both it and the method. */
  pattern?: string
  started: number
  /** The pattern for which access was decided. */
  admittedTo?: string
  /** The query parameters of this route. */
  parameters?: string[]
  /** Re-checks that the caller is still authorised; used by streaming responses. */
  stillAuthorised?: () => boolean
  /** The caller. */
  principal: Principal
  /** Set for requests of a signed-in console, which the log view can hide. Only authenticated callers can claim it. */
  console?: boolean
  /** The request tried a wrong secret, which was counted. */
  guessed?: boolean
  /** RateLimit headers, if a limit applies. */
  limit?: Record<string, string>
}

const exchanges = new WeakMap<Request, Exchange>()

export function openExchange(request: Request, exchange: Exchange): Exchange {
  exchanges.set(request, exchange)
  return exchange
}

/** The exchange of a request that came through the pipeline. */
export const exchangeOf = (request: Request): Exchange => exchanges.get(request)!
