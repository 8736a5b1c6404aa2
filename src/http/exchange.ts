// What is known of a request while it is under way, for whoever holds the Request: the pipeline makes it, handlers read it.
import type { Principal } from './principal.ts'

export type Exchange = {
  id: string
  /** Of the URL, as sent. */
  path: string
  /** `http://host` as the client reached us, checked; the base of short_url where PUBLIC_URL is not set. */
  origin: string
  /** The route's pattern, `/users/:id`, once it is known. */
  route: string
  started: number
  /** The pattern that access was decided by. */
  admittedTo?: string
  /** Whether who asks might still ask: for an answer that goes on and on. */
  holds?: () => boolean
  /** Who asks. */
  principal: Principal
  /** Whether the console asks, for somebody who was let in: nobody else hides from it in the log. */
  console?: boolean
  /** RateLimit headers, where a limit holds. */
  limit?: Record<string, string>
}

const exchanges = new WeakMap<Request, Exchange>()

export function openExchange(request: Request, exchange: Exchange): Exchange {
  exchanges.set(request, exchange)
  return exchange
}

/** The exchange of a request that came through the pipeline. */
export const exchangeOf = (request: Request): Exchange => exchanges.get(request)!
