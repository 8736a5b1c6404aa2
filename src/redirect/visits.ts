// Visits other than a GET or HEAD of a plain code: of a wide code, of a path below a code, and by the form on a link's page.
import type { Limits } from '../access/limits/limits.ts'
import { decoded } from '../base/ending.ts'
import { codeMeant, isRoute, refusalOf, wideCodeIn } from '../base/wide-code.ts'
import { exchangeOf } from '../http/exchange.ts'
import { isGuarded } from './entrance.ts'
import type { RedirectFigures, Tier } from './figures.ts'
import type { Resolver } from './resolver.ts'
import type { Target } from './target.ts'

/** Answers a request whose path is not a route; undefined if no link has the path. */
type Visit = (request: Request, path: string) => Response | undefined | Promise<Response | undefined>

export type Visits = { below: Visit; submit: Visit }

type Answer = Response | Promise<Response>

type Parts = {
  resolver: Pick<Resolver, 'inMemory' | 'inEdge' | 'isWhole' | 'find'>
  limits: Pick<Limits, 'take'>
  figures: Pick<RedirectFigures, 'failed'>
  /** Answers a visit of a link; `rest` is the path behind its code. */
  answer: (request: Request, target: Target, tier: Tier, started: number, rest?: string) => Answer
  withinLimit: (request: Request, answer: () => Answer) => Answer
}

/** A code that a path may mean, and the rest of the path, with its slash. */
type Reading = { code: string; rest?: string }
type Found = Reading & { target: Target; tier: Tier }
type IsMeant = (target: Target, reading: Reading) => boolean

/**
 * `below` answers a GET or HEAD of a wide code (/brand/sale.2024), and of `/code/rest` if the link forwards paths; `submit` a POST of the form on a
 * link's page. While the edge copy is whole, a path that no link has costs a few reads of it (3 µs each) and never the database: most of
 * them come from scanners.
 */
export function createVisits({ resolver, limits, figures, answer, withinLimit }: Parts): Visits {
  function near(readings: Reading[], isMeant: IsMeant): Found | undefined {
    for (const reading of readings) {
      const known = resolver.inMemory(reading.code)
      const target = known ?? resolver.inEdge(reading.code)
      if (target && isMeant(target, reading)) return { ...reading, target, tier: known ? 'hit' : 'edge' }
    }
    return undefined
  }

  /** Asks the database, in one query. */
  async function far(readings: Reading[], isMeant: IsMeant): Promise<Found | undefined> {
    const targets = await Promise.all(readings.map(({ code }) => resolver.find(code)))
    const at = targets.findIndex((target, at) => target && isMeant(target, readings[at]!))
    return at < 0 ? undefined : { ...readings[at]!, target: targets[at]!, tier: 'miss' }
  }

  function arrive(request: Request, { target, tier, rest }: Found, started: number) {
    exchangeOf(request).route = '/:code'
    return withinLimit(request, () => answer(request, target, tier, started, rest))
  }

  return {
    below(request, path) {
      const started = performance.now()
      const readings = isRoute(path) ? [] : readingsOf(path)
      const found = near(readings, leads)
      if (found) return arrive(request, found, started)
      if (readings.length === 0 || resolver.isWhole()) return undefined
      return far(readings, leads).then(
        async (found) => {
          if (found) return arrive(request, found, started)
          await limits.take('unknown', request)
          return undefined
        },
        (error) => {
          figures.failed('unavailable')
          throw error
        },
      )
    },

    async submit(request, path) {
      const readings = submittedTo(path)
      const asks = readings.length > 0 && !resolver.isWhole()
      const found = near(readings, hasForm) ?? (asks ? await far(readings, hasForm) : undefined)
      if (found) return arrive(request, found, performance.now())
      const [whole] = readings
      // Otherwise a POST could be used to guess codes.
      if (whole && (asks || readings.length === 1) && !near([whole], isThere)) await limits.take('unknown', request)
      return undefined
    },
  }
}

const leads: IsMeant = (target, { rest }) => rest === undefined || target.ruled?.forward_path === true
const hasForm: IsMeant = (target, reading) => target.ruled !== undefined && isGuarded(target.ruled) && leads(target, reading)
const isThere: IsMeant = ({ location }) => location !== null

const MAX_READINGS = 8

/** The readings of a path, the longest code first: all of it as a wide code, then each code that it begins with. */
function readingsOf(path: string): Reading[] {
  const wide = wideCodeIn(path)
  const readings: Reading[] = wide === undefined ? [] : [{ code: wide }]
  let end = path.lastIndexOf('/', path.length - 2)
  for (; end > 0 && readings.length < MAX_READINGS; end = path.lastIndexOf('/', end - 1)) {
    const code = decoded(path.slice(1, end)).normalize('NFC')
    if (refusalOf(code) === undefined) readings.push({ code, rest: path.slice(end) })
  }
  return readings
}

/** The other paths of a redirect. */
const IN_API = /^\/urls\/([^/]+)(\/redirect)?$/

/** The readings of the path of a form; plain codes and those of the API are among them. Ids are not codes. */
function submittedTo(path: string): Reading[] {
  const [, named, redirect] = IN_API.exec(path) ?? []
  if (isRoute(path) && (named === undefined || (!redirect && !/\D/.test(named)))) return []
  const code = codeMeant(decoded(named ?? path.slice(1))) // the path may end with a slash, or with an ending that a chat appended
  return code === undefined || (named === undefined && code.includes('/')) ? readingsOf(path) : [{ code }]
}
