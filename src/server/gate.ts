// The gate of the API: authenticates the caller, checks access to the route, and applies rate limits.
import type { Guard, Kind } from '../access/limits/limits.ts'
import { type Access, assertAllowed } from '../http/access.ts'
import { type Address, assertHost, SAFE } from '../http/address.ts'
import { answerProblem, problemOf } from '../http/answer.ts'
import type { Exchange } from '../http/exchange.ts'
import type { routeTable } from '../http/route-table.ts'
import type { Context } from './context.ts'

/** Unknown routes get 404 or 405 with any valid credential, and 401 without. */
const NO_ROUTE: Access = { asks: 'metrics', bound: true }

/** Which limit a request counts against. */
const kindOf = ({ method }: Request): Kind => (SAFE.has(method) ? 'read' : 'create')

export function createGate({ auth, limits, signer }: Context, table: ReturnType<typeof routeTable>) {
  return {
    /** Finds the route and the principal, and stores both in the exchange. Throws Problem 400, 401, 403, 404, 405, 421, 429 or 503. */
    async admit(request: Request, address: Address, exchange: Exchange) {
      const found = table.match(request.method, address.path)
      assertHost(address, found?.route)
      const access = found?.access ?? table.accessTo(address.path) ?? NO_ROUTE
      const guard: Guard = (compare) => limits.guard(request, compare)
      const authenticate = (guard: Guard) => {
        const principal = auth.authenticate(request, address, access.asks, guard)
        assertAllowed(principal, access)
        return principal
      }
      exchange.admittedTo = found?.route
      exchange.parameters = found?.parameters
      if (found) exchange.route = found.route
      else exchange.pattern = table.patternOf(address.path)
      const peer = signer.principalOf(request, access, guard)
      if (peer && access.peers === 'write') await signer.assertBody(request)
      exchange.principal = peer ?? authenticate(guard)
      const { by } = exchange.principal
      const claimed = request.headers.has('x-waypost-console')
      exchange.console = by === 'session' || (claimed && (by !== 'nobody' || auth.isSignedIn(request, address)))
      exchange.stillAuthorised = () => {
        try {
          return (peer ?? authenticate((compare) => compare())) !== undefined // a token that was valid once is not a guess
        } catch {
          return false
        }
      }
      if (access.asks !== 'nobody' && access.asks !== 'itself') await limits.take(kindOf(request), request)
      if (!found) throw table.missing(request.method, address.path)
    },

    /**
     * Counts a request that gets 401, which may turn it into 429. A wrong secret was counted already; a missing one counts as an ordinary
     * request.
     */
    async countRefusal(request: Request, response: Response, exchange: Exchange): Promise<Response> {
      try {
        if (!exchange.guessed) await limits.take(kindOf(request), request)
        return response
      } catch (error) {
        return answerProblem(request, problemOf(error))
      }
    },
  }
}
