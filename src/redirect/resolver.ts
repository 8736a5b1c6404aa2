// Resolves a code to its target: memory -> second tier -> one shared read of the database. The change feed updates all of them.
import { folded } from '../base/code.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import { positionNow } from '../database/position.ts'
import type { Log } from '../telemetry/logs.ts'
import { createAnyCase, onlyLink } from './any-case.ts'
import type { Changes, Follower } from './changes.ts'
import type { EdgeTier } from './edge-tier.ts'
import { absentCodes, memoryCache } from './memory-cache.ts'
import { createMisses } from './misses.ts'
import { rulesOf } from './rules.ts'
import type { SharedCache } from './shared-cache.ts'
import { type Target, webLocation, webTarget } from './target.ts'

export type Resolver = {
  /** Looks in memory; no await. */
  inMemory: (code: string) => Target | undefined
  /** Looks in the edge copy and, with CODES=insensitive, for the code in another case; no await. */
  inEdge: (code: string) => Target | undefined
  /** Asks the second tier, then the database; undefined if no link has the code. Throws DatabaseUnreachable if that cannot be found out. */
  find: (code: string) => Promise<Target | undefined>
  /** True while the edge copy contains every link (except those created elsewhere in the last half second). */
  isWhole: () => boolean
  /** Applies changes made here, before the caller gets its answer, and announces them to the other replicas. */
  changed: (targets: Target[]) => void
  /** The blocked hosts changed: all targets are checked again. */
  recheckAll: () => void
  /** A link was created here: drop its negative-cache entry and copy it, so that it works in an outage. */
  created: (target: Target) => void
  /** Fault injection: fraction (0–1) of look-ups that skip memory and the copy; 0 turns it off. */
  hide: (share: number) => void
  figures: () => ResolverFigures
}

type ResolverFigures = {
  memory: { entries: number; bytes: number }
  lookups: { memory: number; edge: number; shared: number; database: number; absent: number; stale: number }
  absent: number
  /** Targets that were not web addresses. */
  refused: number
  waiting: number
  mode: Mode
}

/**
 * serve: caches are up to date (or the database is unreachable). ask: they lag, so ask the database. refuse: they are older than
 * STALE_LIMIT. hide: a fault of /chaos hides them.
 */
export type Mode = 'serve' | 'ask' | 'refuse' | 'hide'

type Options = {
  database: Database
  edge?: EdgeTier
  shared?: SharedCache
  maxEntries: number
  maxBytes: number
  /** Whether the host of a target is blocked. */
  blocks: (location: string) => boolean
  /** ms. */
  maxStaleness: number
  staleLimit: number | undefined
  /** ms; default VISITORS_WAIT. */
  visitorsWait?: number
  /** Whether a code that no link has is looked up in any case. */
  anyCase?: boolean
  log: Log
}

const ABSENT_ENTRIES = 50_000
const ABSENT_FOR = 1_000
const CHECK_EVERY = 100
const NONE = Promise.resolve(undefined)

export function createResolver({
  database,
  edge,
  shared,
  maxEntries,
  maxBytes,
  blocks,
  maxStaleness,
  staleLimit,
  visitorsWait,
  anyCase = false,
  log,
}: Options) {
  const memory = memoryCache(maxEntries, maxBytes, (target) => check(target.blocked ?? target.ruled?.link ?? target))
  const absent = absentCodes(ABSENT_ENTRIES, ABSENT_FOR)
  const misses = createMisses(database, learn, visitorsWait, anyCase)
  const others = anyCase ? createAnyCase({ memory, edge, shared }) : undefined
  const keyOf = anyCase ? folded : (code: string) => code
  const lookups = { memory: 0, edge: 0, shared: 0, database: 0, absent: 0, stale: 0 }
  let changes: Changes | undefined
  let mode: Mode = 'serve'
  let hidden = 0
  let followed = 0
  let refused = 0
  let newLinks: Target[] = []
  const started = Date.now()

  function updateMode() {
    const lag = Date.now() - (changes?.figures().lastPoll || edge?.position()?.at || started)
    const isDown = database.state() !== 'up'
    if (isDown && staleLimit !== undefined && lag > staleLimit) mode = 'refuse'
    else if (hidden > 0) mode = 'hide'
    else mode = isDown || lag <= maxStaleness ? 'serve' : 'ask'
  }
  const timer = setInterval(() => {
    updateMode()
    absent.expire()
  }, CHECK_EVERY)

  /** Checks every target before it enters memory or is redirected to. Refused targets stay in memory, so that each is logged once. */
  function check(target: Target): Target {
    const checked = webTarget(target)
    if (checked.location === null && target.location !== null && memory.get(target.code)?.version !== target.version) {
      refused++
      log.error(
        { code: target.code, link: target.id },
        'the target of a link is not an http or https address: the link is treated as deleted',
      )
    }
    if (checked.location === null) return checked
    if (blocks(checked.location)) return { ...checked, active: false, blocked: checked }
    return checked.extra === null || !checked.active ? checked : withRules(checked)
  }

  function withRules(link: Target): Target {
    const ruled = rulesOf(link, safe)
    if (ruled) return { ...link, active: false, ruled }
    if (memory.get(link.code)?.version !== link.version)
      log.error({ code: link.code, link: link.id }, 'the rules of a link are invalid: the link is treated as deleted')
    return { ...link, location: null }
  }

  /** A URL in the rules, as it may be sent; null if it is no web address or leads to a blocked host. */
  function safe(url: string): string | null {
    const location = webLocation(url)
    return location === null || blocks(location) ? null : location
  }

  /** For when the database is unreachable. */
  function stale(code: string): Target | undefined {
    const copied = memory.has(code) ? undefined : edge?.getOld(code)
    const known = memory.get(code) ?? (copied && check(copied)) ?? staleInAnyCase(code)
    if (known) lookups.stale++
    return known
  }

  function staleInAnyCase(code: string): Target | undefined {
    const known = others?.inMemory(code)
    const copied = known ? undefined : others?.inOldEdge(code)
    return copied ? check(copied) : known
  }

  function fromEdge(copied: Target): Target {
    const target = check(copied)
    lookups.edge++
    if (copied.location !== null) memory.set(target)
    return target
  }

  function find(code: string): Promise<Target | undefined> {
    if (mode === 'refuse') return Promise.reject(new DatabaseUnreachable('the cached links are older than STALE_LIMIT'))
    if (absent.has(keyOf(code))) {
      lookups.absent++
      return NONE
    }
    return mode === 'serve' && shared ? findShared(shared, code) : findInDatabase(code)
  }

  async function findShared(shared: SharedCache, code: string): Promise<Target | undefined> {
    const before = followed
    const cached = (await shared.get(code)) ?? (await others?.inShared(code))
    if (!cached) return findInDatabase(code)
    const copied = check(cached)
    lookups.shared++
    if (before === followed) memory.set(copied) // else it may have changed during the read
    return copied
  }

  const findInDatabase = (code: string): Promise<Target | undefined> =>
    misses.find(code).then(
      (targets) => {
        lookups.database++
        return targets.find((target) => target.code === code) ?? onlyLink(targets)
      },
      (error) => {
        const known = stale(code)
        if (known) return known
        throw error
      },
    )

  function learn(key: string, rows: Target[], outdated: boolean): Target[] {
    const targets = rows.length === 0 ? rows : rows.map(check)
    if (outdated) return targets
    if (rows.length === 0) absent.add(key)
    for (const target of targets) memory.set(target)
    if (rows.length > 0 && mode === 'serve') void shared?.apply(rows)
    others?.learn(key, rows, mode === 'serve')
    return targets
  }

  /** Applies changes to memory, whichever replica made them. */
  function follow(targets: Target[]) {
    followed += targets.length
    for (const target of targets) {
      misses.forget(target.code, target.version)
      isThere(target)
      if (memory.has(target.code)) memory.set(check(target))
    }
  }

  /** The code exists now, so no spelling of it is remembered as unknown. */
  function isThere({ code }: Target) {
    absent.remove(keyOf(code))
    others?.changed(code)
  }

  /** Links created in one turn of the event loop are copied together; if the disk is full, the feed tries again. */
  function copyNewLinks() {
    const targets = newLinks
    newLinks = []
    try {
      edge?.apply(targets)
    } catch {}
    void shared?.apply(targets)
  }

  function forgetEverything() {
    followed++
    memory.clear()
    absent.clear()
    others?.clear()
    misses.forgetAll()
  }

  const resolver: Resolver = {
    inMemory(code) {
      if (mode !== 'serve' && (mode !== 'hide' || Math.random() < hidden)) return undefined
      const target = memory.get(code)
      if (target) lookups.memory++
      return target
    },
    inEdge(code) {
      if (mode !== 'serve') return undefined
      const copied = edge?.get(code)
      if (copied) return fromEdge(copied)
      const known = others?.inMemory(code)
      if (known) lookups.memory++
      const other = known ? undefined : others?.inEdge(code)
      return other ? fromEdge(other) : known
    },
    find,
    isWhole: () => mode === 'serve' && (edge?.usable() ?? false),
    changed(targets) {
      follow(targets)
      try {
        edge?.apply(targets)
      } catch {
        for (const target of targets) memory.set(check(target)) // the disk is full: memory is read before the copy
      }
      void shared?.apply(targets)
      changes?.announce()
    },
    recheckAll: memory.recheckAll,
    hide(share) {
      hidden = share
      updateMode()
    },
    created(target) {
      isThere(target)
      misses.forget(target.code, target.version)
      if (newLinks.push(target) === 1) queueMicrotask(copyNewLinks)
    },
    figures: () => ({
      memory: memory.figures(),
      lookups: { ...lookups },
      absent: absent.size,
      refused,
      waiting: misses.waiting(),
      mode,
    }),
  }

  const second = edge ?? shared
  const follower: Follower = {
    position: () => second?.position(),
    broken: () => edge?.broken() ?? false,
    async apply(targets, position) {
      follow(targets)
      await second?.apply(targets, position)
    },
    async restart() {
      forgetEverything()
      const position = await (second ? second.restart() : database.run((sql) => positionNow(sql)))
      forgetEverything() // what was read before this position may be outdated, and the feed would not report it
      return position
    },
  }

  return {
    resolver,
    follower,
    /** Connects the feed; its lag decides the mode. */
    attach(feed: Changes) {
      changes = feed
    },
    stop() {
      clearInterval(timer)
    },
  }
}
