// The redirect: GET and HEAD of /:code, /urls/:code and /urls/:code/redirect. It measures itself and has no hooks.
import type { Recorder } from '../clicks/recorder.ts'
import { networkOf, refererHost } from '../clicks/visitor.ts'
import type { Config } from '../config.ts'
import { clientAddress, type Peers } from '../http/client-address.ts'
import { transportSecurity } from '../http/headers.ts'
import { notFound, Problem } from '../http/problem.ts'
import type { Limits } from '../limits/limits.ts'
import { CODE } from './code.ts'
import type { RedirectFigures, Tier } from './figures.ts'
import type { Resolver } from './resolver.ts'
import type { Target } from './target.ts'

export type Redirect = (request: Request, code: string) => Response | Promise<Response>

type Parts = { resolver: Resolver; clicks: Recorder; config: Config; figures: RedirectFigures; limits: Limits; peers: Peers }

// Made once: headers from an object literal cost a redirect 1 µs more.
const HIT = new Headers({ 'Cache-Control': 'private, no-store', 'X-Cache': 'HIT' })
const MISS = new Headers({ 'Cache-Control': 'private, no-store', 'X-Cache': 'MISS' })

const BLOCKED_PAGE = {
  title: 'This link has been blocked',
  text: 'Whoever runs this service does not lead visitors to the site behind it.',
}

/** Answers where `code` leads: 302, or throws Problem 404 (410 for a blocked host, and for an inactive link where set so). */
export function createRedirect({ resolver, clicks, config, figures, limits, peers }: Parts): Redirect {
  const gone = Number(config.INACTIVE_STATUS)
  const client = clientAddress(config)
  const hsts = transportSecurity(config)
  const keptAddress = {
    network: (request: Request) => networkOf(client(request, peers)),
    full: (request: Request) => client(request, peers),
    none: () => '',
  }[config.VISITOR_ADDRESS]

  function answer(request: Request, target: Target | undefined, tier: Tier, started: number): Response | Promise<Response> {
    if (!target?.active || target.location === null) return leadsNowhere(request, target)
    if (request.method === 'GET') {
      const { headers } = request
      clicks.record(
        target.id,
        Date.now(),
        refererHost(headers.get('referer')),
        headers.get('user-agent') ?? '',
        keptAddress(request),
      )
    }
    figures.redirected(request.method, tier, performance.now() - started)
    const headers = tier === 'hit' ? HIT : MISS
    headers.set('Location', target.location)
    const response = new Response(null, { status: 302, headers }) // it takes a copy
    const byTls = hsts?.(request)
    if (byTls) response.headers.set('Strict-Transport-Security', byTls)
    return response
  }

  function missing(target: Target | undefined): Problem {
    const result = target?.blocked ? 'blocked' : target?.location ? 'inactive' : 'not_found'
    figures.failed(result)
    if (result === 'blocked') return new Problem(410, 'this link leads to a host that is blocked', { page: BLOCKED_PAGE })
    return result === 'inactive' && gone === 410 ? new Problem(410, 'URL is not active') : notFound('URL')
  }

  /** Throws, once the limit on unknown codes has had its word; links that are only switched off are not unknown. */
  function leadsNowhere(request: Request, target: Target | undefined): Promise<never> {
    const problem = missing(target)
    const taken = target?.location ? undefined : limits.take('unknown', request)
    if (!taken) throw problem
    return taken.then(() => {
      throw problem
    })
  }

  const unlimited: Redirect = (request, code) => {
    const started = performance.now()
    const known = resolver.inMemory(code)
    if (known) return answer(request, known, 'hit', started)
    const copied = resolver.inEdge(code)
    if (copied) return answer(request, copied, 'edge', started)
    if (!CODE.test(code)) return leadsNowhere(request, undefined) // never asked for further away
    if (resolver.isWhole()) limits.assertLeft('unknown', request) // else it could be a known link that is only not at hand
    return resolver.find(code).then(
      (found) => answer(request, found, 'miss', started),
      (error) => {
        figures.failed('unavailable')
        throw error
      },
    )
  }
  if (!limits.limitsRedirects) return unlimited
  return (request, code) => {
    const taken = limits.take('redirect', request)
    return taken ? taken.then(() => unlimited(request, code)) : unlimited(request, code)
  }
}
