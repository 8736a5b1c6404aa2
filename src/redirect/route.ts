// The redirect: GET and HEAD of /:code, /urls/:code and /urls/:code/redirect. It measures itself and has no hooks.

import type { Limits } from '../access/limits/limits.ts'
import { CODE } from '../base/code.ts'
import { notFound, Problem } from '../base/problem.ts'
import { codeMeant } from '../base/wide-code.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Config } from '../config/config.ts'
import type { Peers } from '../http/client-address.ts'
import { transportSecurity } from '../http/headers.ts'
import type { Allowance } from './allowance.ts'
import type { RedirectFigures, Tier } from './figures.ts'
import { recordsTo } from './record.ts'
import type { Resolver } from './resolver.ts'
import { createRuled } from './ruled.ts'
import { isSpeculative } from './speculative.ts'
import type { Target } from './target.ts'
import { createVisits, type Visit } from './visits.ts'

export type Redirect = (request: Request, code: string) => Response | Promise<Response>

type Parts = {
  resolver: Resolver
  clicks: Recorder
  allowance: Allowance
  config: Config
  figures: RedirectFigures
  limits: Limits
  peers: Peers
}

const BLOCKED_PAGE = {
  title: 'This link has been blocked',
  text: 'The operator of this service has blocked this destination.',
}

/**
 * `redirect` leads to the target of `code` (302), or throws Problem 404 (410 for a blocked host, and for an inactive link if
 * INACTIVE_STATUS=410). Links with rules are answered by ruled.ts, their other visits by visits.ts.
 */
export function createRedirect({ resolver, clicks, allowance, config, figures, limits, peers }: Parts): {
  redirect: Redirect
  below: Visit
  submit: Visit
} {
  // Created once: headers from an object literal cost a redirect 1 µs more.
  const kept = { 'Cache-Control': 'private, no-store', ...(config.NOINDEX === 'on' && { 'X-Robots-Tag': 'noindex' }) }
  const hit = new Headers({ ...kept, 'X-Cache': 'HIT' })
  const miss = new Headers({ ...kept, 'X-Cache': 'MISS' })
  const inactiveStatus = Number(config.INACTIVE_STATUS)
  const secure = transportSecurity(config)
  const record = recordsTo(clicks, config, peers)

  function answer(request: Request, target: Target | undefined, tier: Tier, started: number): Response | Promise<Response> {
    if (!target?.active || target.location === null)
      return target?.ruled ? ruled(request, target.ruled, tier, started) : leadsNowhere(request, target)
    const { method } = request
    if (method === 'GET' && !isSpeculative(request.headers)) record(request, target.id, started)
    figures.redirected(method, tier, performance.now() - started)
    return leadTo(request, target.location, tier)
  }

  function leadTo(request: Request, location: string, tier: Tier): Response {
    const headers = tier === 'hit' ? hit : miss
    headers.set('Location', location)
    const response = new Response(null, { status: 302, headers }) // copies the headers
    secure(request, response)
    return response
  }

  const unknown = (request: Request) => refuse(request, notFound('URL'), true)
  const ruled = createRuled({ config, figures, limits, allowance, record, leadTo, unknown })

  function missing(target: Target | undefined): Problem {
    const result = target?.blocked ? 'blocked' : target?.location ? 'inactive' : 'not_found'
    figures.failed(result)
    if (result === 'blocked') return new Problem(410, 'the destination of this link is blocked', { page: BLOCKED_PAGE })
    return result === 'inactive' && inactiveStatus === 410 ? new Problem(410, 'URL is not active') : notFound('URL')
  }

  /** Throws 404 or 410, or 429 if the limit on unknown codes is reached. Inactive links do not count as unknown. */
  function leadsNowhere(request: Request, target: Target | undefined): Promise<never> {
    return refuse(request, missing(target), !target?.location)
  }

  function refuse(request: Request, problem: Problem, unknown: boolean): Promise<never> {
    const limited = unknown ? limits.take('unknown', request) : undefined
    if (!limited) throw problem
    return limited.then(() => {
      throw problem
    })
  }

  const unlimited: Redirect = (request, code) => {
    const started = performance.now()
    const known = resolver.inMemory(code)
    if (known) return answer(request, known, 'hit', started)
    const copied = resolver.inEdge(code)
    if (copied) return answer(request, copied, 'edge', started)
    if (!CODE.test(code)) {
      const meant = codeMeant(code)
      if (meant !== undefined && meant !== code) return unlimited(request, meant)
      if (meant === undefined || resolver.isWhole()) return leadsNowhere(request, undefined) // no need to ask the database
    }
    if (resolver.isWhole()) limits.assertLeft('unknown', request) // else it may be a known link that is just not cached
    return resolver.find(code).then(
      (found) => answer(request, found, 'miss', started),
      (error) => {
        figures.failed('unavailable')
        throw error
      },
    )
  }

  function withinLimit(request: Request, answer: () => Response | Promise<Response>): Response | Promise<Response> {
    const limited = limits.take('redirect', request)
    return limited ? limited.then(answer) : answer()
  }

  const redirect: Redirect = limits.limitsRedirects
    ? (request, code) => withinLimit(request, () => unlimited(request, code))
    : unlimited
  const visits = createVisits({
    resolver,
    limits,
    figures,
    withinLimit,
    answer: (request, target, tier, started, rest) =>
      rest === undefined ? answer(request, target, tier, started) : ruled(request, target.ruled!, tier, started, rest),
  })
  return { redirect, ...visits }
}
