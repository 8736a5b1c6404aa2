// Rate limits: a token bucket for each kind of request and client, in memory or shared through Valkey.
import type { Config } from '../config.ts'
import { clientAddress, type Peers } from '../http/client-address.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Principal } from '../http/principal.ts'
import { Problem } from '../http/problem.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { limitedAddress } from './address.ts'
import { createBuckets, type Standing } from './buckets.ts'
import { type Rate, rateOf } from './rate.ts'
import { openSharedBuckets } from './shared-buckets.ts'

export const KINDS = ['create', 'read', 'sign-in', 'unknown', 'redirect'] as const
export type Kind = (typeof KINDS)[number]
export type Limits = ReturnType<typeof createLimits>

type Parts = {
  config: Config
  log: Log
  metrics: Metrics
  peers: Peers
  /** True where a credential exists, so that there is somebody to hold limits against: only then the defaults apply. */
  keyed: () => boolean
  /** Whose the Bearer token of a request is, where it holds: public routes ask nobody who they are. */
  bearerOf: (request: Request) => Principal | undefined
}

const DEFAULTS: Record<Exclude<Kind, 'redirect'>, Rate> = {
  create: rateOf('300/min')!,
  read: rateOf('1200/min')!,
  'sign-in': rateOf('10/min')!,
  unknown: rateOf('60/min')!,
}
const WORDS: Record<Kind, string> = {
  create: 'changes',
  read: 'requests',
  'sign-in': 'failed sign-ins',
  unknown: 'unknown codes',
  redirect: 'redirects',
}

/** Changes and reads count against the credential where there is one; everything else against the address. */
const BY_CREDENTIAL = new Set<Kind>(['create', 'read'])

/** The admin token, a session made from it, and the other replicas. */
const OPERATOR = new Set(['admin-token', 'session', 'replica'])

export function createLimits({ config, log, metrics, peers, keyed, bearerOf }: Parts) {
  const set = (text: string | undefined) => (text === undefined ? undefined : { rate: rateOf(text) })
  const settings: Record<Kind, { rate: Rate | undefined } | undefined> = {
    create: set(config.RATE_CREATE),
    read: set(config.RATE_READ),
    'sign-in': set(config.RATE_SIGN_IN),
    unknown: set(config.RATE_UNKNOWN),
    redirect: set(config.RATE_REDIRECT) ?? { rate: undefined },
  }
  const refused = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  const address = clientAddress(config)
  const buckets = createBuckets()
  const anySet = KINDS.some((kind) => settings[kind]?.rate)
  let shared = config.REDIS_URL && (anySet || keyed()) ? openSharedBuckets(config, log) : undefined

  metrics.expose('rate_limited_total', 'counter', 'Requests answered 429, by the limit that they met.', () =>
    KINDS.map((kind) => ({ labels: { limit: kind }, value: refused[kind] })),
  )
  if (config.REDIS_URL)
    metrics.expose('rate_limits_shared', 'gauge', '1 while replicas share their rate limits through Valkey.', () => [
      { value: shared?.up() ? 1 : 0 },
    ])

  const rateFor = (kind: Kind) => {
    const setting = settings[kind]
    if (setting) return setting.rate
    return keyed() ? DEFAULTS[kind as keyof typeof DEFAULTS] : undefined
  }

  /** The rate and the bucket that hold for a request; undefined where none does. */
  function held(kind: Kind, request: Request): { rate: Rate; key: string } | undefined {
    const rate = rateFor(kind)
    if (!rate) return undefined
    const asked = exchangeOf(request)?.principal
    const principal = asked && asked.by !== 'nobody' ? asked : bearerOf(request) // checked: made-up keys would each have a new bucket
    if (principal && OPERATOR.has(principal.by) && !principal.key) return undefined
    if (principal?.key && BY_CREDENTIAL.has(kind)) return { rate, key: `${kind} key ${principal.key.id}` }
    return { rate, key: `${kind} address ${limitedAddress(address(request, peers))}` }
  }

  function settle(kind: Kind, rate: Rate, { allowed, ahead }: Standing, request: Request) {
    const headers = limitHeaders(kind, rate, ahead)
    if (allowed) {
      const exchange = exchangeOf(request)
      if (exchange) exchange.limit = headers
      return
    }
    refused[kind]++
    if (config.TRUSTED_PROXIES === 0 && request.headers.has('x-forwarded-for')) warnOnce()
    const seconds = Math.max(1, Math.ceil((ahead + rate.cost - rate.window) / 1_000_000))
    throw new Problem(429, `too many ${WORDS[kind]}: try again in ${seconds} s`, {
      headers: { 'Retry-After': String(seconds), ...headers },
    })
  }

  let warned = false
  function warnOnce() {
    if (warned) return
    warned = true
    log.warn('a forwarded request met a rate limit: behind a proxy set TRUSTED_PROXIES, else all its visitors count as one')
  }

  return {
    /** Counts one request; throws Problem 429 where it is too many. Waits for nothing but Valkey, and for that at most 50 ms. */
    take(kind: Kind, request: Request): Promise<void> | undefined {
      const found = held(kind, request)
      if (!found) return undefined
      const { rate, key } = found
      shared ??= config.REDIS_URL ? openSharedBuckets(config, log) : undefined // the first key may be made while we run
      if (shared?.up()) {
        const known = buckets.look(key, rate)
        if (known.allowed)
          return shared.take(key, rate).then((standing) => {
            if (standing) buckets.learn(key, standing.ahead)
            settle(kind, rate, standing ?? buckets.take(key, rate), request)
          })
        settle(kind, rate, known, request) // buckets only fill with time: Valkey would say the same, and is spared
      }
      settle(kind, rate, buckets.take(key, rate), request)
    },
    /** Throws Problem 429 where `take` would, counting nothing; by what this replica knows. */
    assertLeft(kind: Kind, request: Request) {
      const found = held(kind, request)
      if (!found) return
      const standing = buckets.look(found.key, found.rate)
      if (!standing.allowed) settle(kind, found.rate, standing, request)
    },
    /** How many requests were answered 429, by what they met. */
    refused: () => ({ ...refused }),
    /** For how many ms Valkey has not answered; 0 where it does, or is not asked. */
    sharedAway: () => shared?.away() ?? 0,
    /** True where redirects are limited too, which is never so unless it was asked for. */
    limitsRedirects: settings.redirect!.rate !== undefined,
    close: () => shared?.close(),
  }
}

/** RateLimit-Policy and RateLimit, draft-ietf-httpapi-ratelimit-headers-10: q in w seconds, r left, all of them after t seconds. */
function limitHeaders(kind: Kind, { count, window, cost }: Rate, ahead: number): Record<string, string> {
  return {
    'RateLimit-Policy': `"${kind}";q=${count};w=${window / 1_000_000}`,
    RateLimit: `"${kind}";r=${Math.max(0, Math.floor((window - ahead) / cost))};t=${Math.ceil(ahead / 1_000_000)}`,
  }
}
