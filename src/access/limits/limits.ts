// Rate limits: a token bucket for each kind of request and client, in memory or shared through Valkey.

import { Problem } from '../../base/problem.ts'
import { type Rate, rateOf } from '../../base/rate.ts'
import type { Config } from '../../config/config.ts'
import { clientAddress, type Peers } from '../../http/client-address.ts'
import { exchangeOf } from '../../http/exchange.ts'
import type { Principal } from '../../http/principal.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { type BucketState, createBuckets } from './buckets.ts'
import { limitedAddress } from './client.ts'
import { openSharedBuckets } from './shared-buckets.ts'

export const KINDS = ['create', 'read', 'sign-in', 'password', 'unknown', 'redirect'] as const
export type Kind = (typeof KINDS)[number]

/** Runs `compare`, which checks a secret and returns undefined if it is wrong. After too many wrong ones, throws 429 instead. */
export type Guard = <T>(compare: () => T | undefined) => T | undefined
export type Limits = ReturnType<typeof createLimits>

type Parts = {
  config: Config
  log: Log
  metrics: Metrics
  peers: Peers
  /** True if a credential exists: only then the defaults apply. */
  keyed: () => boolean
  /** The principal of a valid Bearer token, for public routes, which do not authenticate. */
  bearerOf: (request: Request, guard: Guard) => Principal | undefined
}

const DEFAULTS: Record<Exclude<Kind, 'redirect'>, Rate> = {
  create: rateOf('300/min')!,
  read: rateOf('1200/min')!,
  'sign-in': rateOf('10/min')!,
  password: rateOf('10/min')!,
  unknown: rateOf('60/min')!,
}
const WORDS: Record<Kind, string> = {
  create: 'changes',
  read: 'requests',
  'sign-in': 'failed sign-ins',
  password: 'wrong passwords',
  unknown: 'unknown codes',
  redirect: 'redirects',
}

/** Changes and reads count per credential, if there is one; everything else per address. */
const BY_CREDENTIAL = new Set<Kind>(['create', 'read'])

/** Exempt: the admin token, sessions created from it, and the other replicas. */
const OPERATOR = new Set(['admin-token', 'session', 'replica'])

export function createLimits({ config, log, metrics, peers, keyed, bearerOf }: Parts) {
  const set = (text: string | undefined) => (text === undefined ? undefined : { rate: rateOf(text) })
  const settings: Record<Kind, { rate: Rate | undefined } | undefined> = {
    create: set(config.RATE_CREATE),
    read: set(config.RATE_READ),
    'sign-in': set(config.RATE_SIGN_IN),
    password: set(config.RATE_SIGN_IN),
    unknown: set(config.RATE_UNKNOWN),
    redirect: set(config.RATE_REDIRECT) ?? { rate: undefined },
  }
  const refused = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  const address = clientAddress(config)
  const buckets = createBuckets()
  const anySet = KINDS.some((kind) => settings[kind]?.rate)
  let shared = config.REDIS_URL && (anySet || keyed()) ? openSharedBuckets(config, log) : undefined

  metrics.expose('rate_limited_total', 'counter', 'Requests that got 429, by limit.', () =>
    KINDS.map((kind) => ({ labels: { limit: kind }, value: refused[kind] })),
  )
  if (config.REDIS_URL)
    metrics.expose('rate_limits_shared', 'gauge', '1 while replicas share their rate limits through Valkey.', () => [
      { value: shared?.up() ? 1 : 0 },
    ])

  const rateFor = (kind: Kind) => {
    const setting = settings[kind]
    if (setting) return setting.rate
    const isSecret = kind === 'sign-in' || kind === 'password' // compared in every mode
    return isSecret || keyed() ? DEFAULTS[kind as keyof typeof DEFAULTS] : undefined
  }

  const bearers = new WeakMap<Request, Principal | undefined>()

  /** The principal of a Bearer token on a public route: checked, because invented keys would each get a new bucket. */
  function bearer(request: Request): Principal | undefined {
    if (!request.headers.has('authorization')) return undefined
    if (!bearers.has(request))
      bearers.set(
        request,
        bearerOf(request, (compare) => (hasLeft(request) ? guard(request, compare) : undefined)),
      )
    return bearers.get(request)
  }

  /** The rate and the bucket for a request; undefined if no limit applies. */
  function bucketFor(kind: Kind, request: Request): { rate: Rate; key: string } | undefined {
    const rate = rateFor(kind)
    if (!rate) return undefined
    const asked = exchangeOf(request)?.principal
    const principal = asked && asked.by !== 'nobody' ? asked : kind === 'sign-in' ? undefined : bearer(request)
    if (principal && OPERATOR.has(principal.by) && !principal.key) return undefined
    if (principal?.key && BY_CREDENTIAL.has(kind)) return { rate, key: `${kind} key ${principal.key.id}` }
    return { rate, key: `${kind} address ${limitedAddress(address(request, peers))}` }
  }

  function settle(kind: Kind, rate: Rate, { allowed, ahead }: BucketState, request: Request) {
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

  function hasLeft(request: Request): boolean {
    const found = bucketFor('sign-in', request)
    return !found || buckets.peek(found.key, found.rate).allowed
  }

  /** Throws Problem 429 if `take` would, without counting; by what this replica knows. */
  function assertLeft(kind: Kind, request: Request) {
    const found = bucketFor(kind, request)
    if (!found) return
    const standing = buckets.peek(found.key, found.rate)
    if (!standing.allowed) settle(kind, found.rate, standing, request)
  }

  /** Counts synchronously, so that concurrent guesses are not all compared; then tells Valkey. */
  function guard<T>(request: Request, compare: () => T | undefined): T | undefined {
    assertLeft('sign-in', request)
    const result = compare()
    const found = result === undefined ? bucketFor('sign-in', request) : undefined
    if (!found) return result
    const { rate, key } = found
    settle('sign-in', rate, buckets.take(key, rate), request)
    const exchange = exchangeOf(request)
    if (exchange) exchange.guessed = true
    share(key, rate)
    return undefined
  }

  /** Counts a wrong secret in Valkey, too. */
  function share(key: string, rate: Rate) {
    const valkey = inValkey()
    if (valkey?.up())
      void valkey.take(key, rate).then((standing) => {
        if (standing && standing.ahead > buckets.peek(key, rate).ahead) buckets.learn(key, standing.ahead)
      })
  }

  /**
   * Like `guard`, for the password of a link. Counts per link and address before the comparison, which takes a while: guesses may arrive together.
   * The count of a right password is taken back.
   */
  async function guardPassword(request: Request, linkId: number, isRight: () => Promise<boolean>): Promise<boolean> {
    const rate = rateFor('password')
    if (!rate) return isRight()
    const key = `password ${linkId} address ${limitedAddress(address(request, peers))}`
    settle('password', rate, buckets.take(key, rate), request)
    let wrong = false
    try {
      wrong = !(await isRight())
    } finally {
      if (wrong) share(key, rate)
      else buckets.giveBack(key, rate)
    }
    return !wrong
  }

  /** Opened on demand: the first key may be created while we run. */
  const inValkey = () => (shared ??= config.REDIS_URL ? openSharedBuckets(config, log) : undefined)

  let warned = false
  function warnOnce() {
    if (warned) return
    warned = true
    log.warn('a forwarded request was rate limited: behind a proxy set TRUSTED_PROXIES, otherwise all its visitors count as one')
  }

  return {
    /** Counts one request; throws Problem 429 if it exceeds the limit. Waits only for Valkey, at most 50 ms. */
    take(kind: Kind, request: Request): Promise<undefined> | undefined {
      const found = bucketFor(kind, request)
      if (!found) return undefined
      const { rate, key } = found
      const valkey = inValkey()
      if (valkey?.up()) {
        const known = buckets.peek(key, rate)
        if (known.allowed)
          return valkey.take(key, rate).then((standing) => {
            if (standing) buckets.learn(key, standing.ahead)
            settle(kind, rate, standing ?? buckets.take(key, rate), request)
            return undefined
          })
        settle(kind, rate, known, request) // Valkey could only know of more requests
      }
      settle(kind, rate, buckets.take(key, rate), request)
      return undefined
    },
    assertLeft,
    /** Every check of a secret goes through here: 429 if the address had too many wrong ones; counts a wrong one. */
    guard,
    guardPassword,
    /** Numbers of requests that got 429, by kind of limit. */
    refused: () => ({ ...refused }),
    /** ms without an answer from Valkey; 0 if it answers, or is not used. */
    sharedAway: () => shared?.away() ?? 0,
    /** True if redirects are limited too, which is off by default. */
    limitsRedirects: settings.redirect!.rate !== undefined,
    close: () => shared?.close(),
  }
}

/** RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10: q in w seconds, r left, all of them after t seconds. */
function limitHeaders(kind: Kind, { count, window, cost }: Rate, ahead: number): Record<string, string> {
  return {
    'RateLimit-Policy': `"${kind}";q=${count};w=${window / 1_000_000}`,
    RateLimit: `"${kind}";r=${Math.max(0, Math.floor((window - ahead) / cost))};t=${Math.ceil(ahead / 1_000_000)}`,
  }
}
