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
import { createVisits, type Visits } from './visits.ts'

export type Redirect = (request: Request, code: string) => Response | Promise<Response>

/** The same; undefined instead of a plain 404. */
export type Visit = (request: Request, code: string) => Answer

type Answer = Response | undefined | Promise<Response | undefined>

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
 * INACTIVE_STATUS=410). `visit` is the same without an error for 404: throwing one costs more than the look-up. Links with rules are answered by
 * ruled.ts, their other visits by visits.ts.
 */
export function createRedirect({ resolver, clicks, allowance, config, figures, limits, peers }: Parts): {
  redirect: Redirect
  visit: Visit
} & Visits {
  // Created once: headers from an object literal cost a redirect 1 µs more.
  const kept = { 'Cache-Control': 'private, no-store', ...(config.NOINDEX === 'on' && { 'X-Robots-Tag': 'noindex' }) }
  const hit = new Headers({ ...kept, 'X-Cache': 'HIT' })
  const miss = new Headers({ ...kept, 'X-Cache': 'MISS' })
  const inactiveStatus = Number(config.INACTIVE_STATUS)
  const secure = transportSecurity(config)
  const record = recordsTo(clicks, config, peers)

  function answer(request: Request, target: Target | undefined, tier: Tier, started: number): Answer {
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

  /** Counts an unknown code; throws 429 if the limit on them is reached. Inactive links do not count as unknown. */
  const unknown = (request: Request) => limits.take('unknown', request)
  const ruled = createRuled({ config, figures, limits, allowance, record, leadTo, unknown })

  function leadsNowhere(request: Request, target: Target | undefined): Answer {
    if (!target?.location) {
      figures.failed('not_found')
      return unknown(request)
    }
    figures.failed(target.blocked ? 'blocked' : 'inactive')
    if (target.blocked) throw new Problem(410, 'the destination of this link is blocked', { page: BLOCKED_PAGE })
    if (inactiveStatus === 410) throw new Problem(410, 'URL is not active')
    return undefined
  }

  const unlimited: Visit = (request, code) => {
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

  function withinLimit<T>(request: Request, answer: () => T | Promise<T>): T | Promise<T> {
    const limited = limits.take('redirect', request)
    return limited ? limited.then(answer) : answer()
  }

  const visit: Visit = limits.limitsRedirects
    ? (request, code) => withinLimit(request, () => unlimited(request, code))
    : unlimited
  const visits = createVisits({
    resolver,
    limits,
    figures,
    withinLimit,
    answer: (request, target, tier, started, rest) =>
      orNotFound(
        rest === undefined ? answer(request, target, tier, started) : ruled(request, target.ruled!, tier, started, rest),
      ),
  })
  return { redirect: (request, code) => orNotFound(visit(request, code)), visit, ...visits }
}

function orNotFound(answer: Answer): Response | Promise<Response> {
  if (answer instanceof Promise) return answer.then(orNotFound)
  if (!answer) throw notFound('URL')
  return answer
}
