// Redirects of a link with rules: when, where to, and what is forwarded. Plain links never come here.
import { Problem, unavailable } from '../base/problem.ts'
import { agentOf } from '../clicks/visitor.ts'
import type { Config } from '../config/config.ts'
import { MARKS } from '../journal/journal-format.ts'
import type { Allowance, Spent } from './allowance.ts'
import type { RedirectFigures, Tier } from './figures.ts'
import { withPath, withQuery } from './forward.ts'
import { type Rules, stateAt } from './rules.ts'
import { isSpeculative } from './speculative.ts'
import { timeAt } from './time.ts'

type Parts = {
  config: Pick<Config, 'EXPIRED_URL'>
  figures: RedirectFigures
  allowance: Allowance
  /** Records a click of the link with this id. */
  record: (request: Request, id: number, started: number, marks?: number) => boolean
  leadTo: (request: Request, location: string, tier: Tier) => Response
  /** Throws what unknown codes get. */
  unknown: (request: Request) => Promise<never>
}

const OVER = {
  expired: { title: 'This link has expired', text: 'Its owner chose how long it works, and that time is over.' },
  used_up: {
    title: 'This link has been used up',
    text: 'Its owner chose how many times it works, and it has worked that often.',
  },
}

/**
 * Returns a function that answers one visit; `rest` is the path behind the code. A link that is not valid yet gets what unknown codes get. An
 * expired or used-up one leads to its expired_url, else to EXPIRED_URL, or gets 410.
 */
export function createRuled({ config, figures, allowance, record, leadTo, unknown }: Parts) {
  return (request: Request, rules: Rules, tier: Tier, started: number, rest?: string): Response | Promise<Response> => {
    const { method } = request
    const took = () => performance.now() - started
    const state = stateAt(rules, timeAt(started))
    if (state === 'scheduled') {
      figures.failed('scheduled')
      return unknown(request)
    }
    if (state !== 'active') return over(state)
    const { id, location } = rules.link
    const target = forwarded(location!, rules, request.url, rest)
    if (target === undefined) {
      figures.failed('not_found')
      return unknown(request)
    }
    const isVisit = method === 'GET' && !isSpeculative(request.headers)
    if (rules.click_limit !== undefined) return limited(target, rules.click_limit, isVisit)
    if (isVisit) record(request, id, started)
    return lead(target)

    function lead(to: string): Response {
      figures.redirected(method, tier, took())
      return leadTo(request, to, tier)
    }

    function limited(target: string, limit: number, isVisit: boolean): Response | Promise<Response> {
      if (!isVisit || agentOf(request.headers.get('user-agent') ?? '').bot) {
        figures.failed('page')
        throw new Problem(403, 'this link works a limited number of times: open it in a browser')
      }
      const led = (spent: Spent) => {
        if (spent === 'used_up') return over('used_up')
        if (spent === 'spent' && record(request, id, started, MARKS.spent)) return lead(target)
        if (spent === 'spent') allowance.refund(id, limit) // the journal is full: what it does not have would be given back
        figures.failed('unavailable')
        throw unavailable('the clicks of this link cannot be counted just now, try again in a moment')
      }
      const spent = allowance.spend(id, limit)
      if (!(spent instanceof Promise)) return led(spent)
      return spent.then(led, (error) => {
        figures.failed('unavailable')
        throw error
      })
    }

    function over(state: 'expired' | 'used_up'): Response {
      const elsewhere = rules.expired_url ?? config.EXPIRED_URL
      if (elsewhere === undefined) {
        figures.failed(state)
        throw new Problem(410, state === 'expired' ? 'URL has expired' : 'URL has been used up', { page: OVER[state] })
      }
      figures.ledElsewhere(method, state, took())
      return leadTo(request, elsewhere, tier)
    }
  }
}

/** The target with what the link forwards of the visitor's URL. Undefined if the path cannot be forwarded. */
function forwarded(location: string, { forward_query, forward_path }: Rules, url: string, rest: string | undefined) {
  const target = forward_path && rest !== undefined ? withPath(location, rest) : location
  if (target === undefined || forward_query === undefined) return target
  const mark = url.indexOf('?')
  return mark < 0 ? target : withQuery(target, url.slice(mark + 1), forward_query)
}
