// The redirect: GET and HEAD of /:code, /urls/:code and /urls/:code/redirect. It measures itself and has no hooks.

import type { Recorder } from '../clicks/recorder.ts'
import type { Config } from '../config.ts'
import { notFound, Problem } from '../http/problem.ts'
import { CODE } from '../links/code.ts'
import { refusal } from '../links/target.ts'
import type { RedirectFigures } from './figures.ts'
import type { Entry } from './memory-cache.ts'
import type { Resolver } from './resolver.ts'

export type Redirect = (request: Request, code: string) => Response | Promise<Response>

/** Answers where `code` leads: 302, or throws Problem 404 (410 for an inactive link where set so). */
export function createRedirect(resolver: Resolver, recorder: Recorder, config: Config, figures: RedirectFigures): Redirect {
  const gone = Number(config.INACTIVE_STATUS)

  function answer(request: Request, code: string, entry: Entry, hit: boolean, started: number): Response {
    if (entry.location === null || (!entry.active && gone === 404)) throw missing('not_found', notFound('URL'))
    if (!entry.active) throw missing('inactive', new Problem(gone, 'URL is not active'))
    if (!hit && refusal(entry.location)) throw missing('refused', new Problem(404, 'URL leads to an address that is not allowed'))
    if (request.method === 'GET')
      recorder.record(entry.id, Date.now(), request.headers.get('referer'), request.headers.get('user-agent'))
    figures.redirected(request.method, hit, performance.now() - started)
    return new Response(null, {
      status: 302,
      headers: { Location: entry.location, 'Cache-Control': 'private, no-store', 'X-Cache': hit ? 'HIT' : 'MISS' },
    })
  }

  function missing(result: 'not_found' | 'inactive' | 'refused' | 'unavailable', problem: Problem): Problem {
    figures.failed(result)
    return problem
  }

  return (request, code) => {
    if (!CODE.test(code)) throw missing('not_found', notFound('URL'))
    const started = performance.now()
    const entry = resolver.known(code)
    if (entry) return answer(request, code, entry, true, started)
    return resolver.find(code).then(
      (found) => answer(request, code, found, false, started),
      (error) => {
        if (!(error instanceof Problem)) figures.failed('unavailable')
        throw error
      },
    )
  }
}
