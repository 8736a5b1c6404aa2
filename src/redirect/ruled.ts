// Redirects of a link with rules: its window of time, its pages, its limit on clicks, its target, and forwarding. Plain links never come here.
import type { Limits } from '../access/limits/limits.ts'
import { Problem, unavailable } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import { MARKS } from '../journal/journal-format.ts'
import type { Allowance, Spent } from './allowance.ts'
import { createCards, isPreviewAgent } from './card.ts'
import { createEntrance, isGuarded } from './entrance.ts'
import type { RedirectFigures, Tier } from './figures.ts'
import { withPath, withQuery } from './forward.ts'
import type { RecordClick } from './record.ts'
import { type Rules, stateAt } from './rules.ts'
import { isSpeculative } from './speculative.ts'
import { timeAt } from './time.ts'

type Parts = {
  config: Config
  figures: RedirectFigures
  limits: Pick<Limits, 'guardPassword'>
  allowance: Allowance
  record: RecordClick
  leadTo: (request: Request, location: string, tier: Tier) => Response
  /** Counts an unknown code. */
  unknown: (request: Request) => Promise<undefined> | undefined
}

type Ruled = (
  request: Request,
  rules: Rules,
  tier: Tier,
  started: number,
  rest?: string,
) => Response | undefined | Promise<Response | undefined>

const OVER = {
  expired: { title: 'This link has expired', text: 'Its owner chose how long it works, and that time is over.' },
  used_up: {
    title: 'This link has been used up',
    text: 'Its owner chose how many times it works, and it has worked that often.',
  },
}

/**
 * Returns a function that answers one visit; `rest` is the path behind the code. A link that is not valid yet looks like an unknown code: undefined. An
 * expired or used-up one leads to its expired_url, else to EXPIRED_URL, or gets 410.
 */
export function createRuled({ config, figures, limits, allowance, record, leadTo, unknown }: Parts): Ruled {
  const enter = createEntrance({ config, figures, limits })
  const cardOf = createCards(config)
  const noindexByDefault = config.NOINDEX === 'on'

  return (request, rules, tier, started, rest) => {
    const { method, headers } = request
    const { id, location } = rules.link
    const state = stateAt(rules, timeAt(started))
    if (state === 'scheduled') {
      figures.failed('scheduled')
      return unknown(request)
    }
    if (state !== 'active') return over(state)
    const target = forwarded(location!, rules, request.url, rest)
    if (target === undefined) {
      figures.failed('not_found')
      return unknown(request)
    }
    const isClick = method === 'POST' || (method === 'GET' && !isSpeculative(headers))
    if (rules.card && rules.password === undefined && isPreviewAgent(headers.get('user-agent') ?? '')) {
      if (isClick) record(request, id, started)
      const card = withRobots(cardOf(request, rules))
      figures.showed(method, performance.now() - started)
      return card
    }
    if (!isGuarded(rules)) return open(started)
    const page = enter(request, rules, target, started)
    return page instanceof Promise ? page.then((page) => page ?? open(performance.now())) : (page ?? open(started))

    /** Sends a visit to the target, and nothing else does. `at`: the time when the visitor had nothing left to enter or to press. */
    function open(at: number): Response | Promise<Response> {
      if (rules.click_limit !== undefined) return spend(rules.click_limit, at)
      if (isClick) record(request, id, at)
      return lead(at)
    }

    function spend(limit: number, at: number): Response | Promise<Response> {
      const led = (spent: Spent) => {
        if (spent === 'used_up') return over('used_up')
        if (spent === 'spent' && record(request, id, at, MARKS.spent)) return lead(at)
        if (spent === 'spent') allowance.refund(id, limit) // the journal is full, and clicks that it lacks are given back later
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

    function lead(at: number): Response {
      figures.redirected(method, tier, performance.now() - at)
      return send(target!)
    }

    function over(state: 'expired' | 'used_up'): Response {
      const elsewhere = rules.expired_url ?? config.EXPIRED_URL
      if (elsewhere === undefined) {
        figures.failed(state)
        throw new Problem(410, state === 'expired' ? 'URL has expired' : 'URL has been used up', { page: OVER[state] })
      }
      figures.ledElsewhere(method, state, performance.now() - started)
      return send(elsewhere)
    }

    /** 303 tells the browser to follow a form with a GET. */
    function send(location: string): Response {
      const response = withRobots(leadTo(request, location, tier))
      return method === 'POST' ? new Response(null, { status: 303, headers: response.headers }) : response
    }

    /** The link's `noindex` is an exception from the setting. */
    function withRobots(response: Response): Response {
      if (rules.noindex ?? noindexByDefault) response.headers.set('X-Robots-Tag', 'noindex')
      else if (rules.noindex === false) response.headers.delete('X-Robots-Tag')
      return response
    }
  }
}

/** The `?qr` of a QR code with track=1 is for Waypost, not for the target. */
const OURS = /^qr(&|$)/

/** The target with the parts of the visitor's URL that the link forwards. Undefined if the path cannot be forwarded. */
function forwarded(location: string, { forward_query, forward_path }: Rules, url: string, rest: string | undefined) {
  const target = forward_path && rest !== undefined ? withPath(location, rest) : location
  if (target === undefined || forward_query === undefined) return target
  const mark = url.indexOf('?')
  return mark < 0 ? target : withQuery(target, url.slice(mark + 1).replace(OURS, ''), forward_query)
}
