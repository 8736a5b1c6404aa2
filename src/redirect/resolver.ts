// From a code to where it leads: memory -> second tier -> one shared read of the database. Kept in step by the change feed.
import { type Database, DatabaseAway } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Changes, Follower } from './changes.ts'
import type { EdgeTier } from './edge-tier.ts'
import { absentCodes, memoryCache } from './memory-cache.ts'
import { createMisses } from './misses.ts'
import { positionNow } from './position.ts'
import type { SharedCache } from './shared-cache.ts'
import { type Target, webTarget } from './target.ts'

export type Resolver = {
  /** What memory knows; no await. */
  inMemory: (code: string) => Target | undefined
  /** What the copy on this machine knows; no await. */
  inEdge: (code: string) => Target | undefined
  /** Asks the second tier, then the database; undefined where no link has the code. Throws DatabaseAway where nobody knows. */
  find: (code: string) => Promise<Target | undefined>
  /** True while the copy on this machine holds every link (but those made elsewhere in the last half second). */
  isWhole: () => boolean
  /** Takes changes made here, before their caller is answered, and announces them to the other replicas. */
  changed: (targets: Target[]) => void
  /** Other hosts are blocked than before: everything is vetted anew. */
  vetAnew: () => void
  /** A link was made here: its code is not absent any more, and an outage from now on finds it known. */
  created: (target: Target) => void
  /** Fault injection: of so large a share of look-ups memory and the copy know nothing. 0 ends it. */
  hide: (share: number) => void
  figures: () => ResolverFigures
}

export type ResolverFigures = {
  memory: { entries: number; bytes: number }
  lookups: { memory: number; edge: number; shared: number; database: number; absent: number; stale: number }
  absent: number
  /** Targets that were no web address. */
  refused: number
  waiting: number
  mode: Mode
}

/**
 * serve: caches are in step (or the database is away). ask: they lag, and the database can be asked. refuse: they are older than STALE_LIMIT.
 * hide: /chaos hides them.
 */
export type Mode = 'serve' | 'ask' | 'refuse' | 'hide'

type Options = {
  database: Database
  edge?: EdgeTier
  shared?: SharedCache
  maxEntries: number
  maxBytes: number
  /** Whether a link may not lead there. */
  blocks: (location: string) => boolean
  /** ms. */
  maxStaleness: number
  staleLimit: number | undefined
  log: Log
}

const ABSENT_ENTRIES = 50_000
const ABSENT_FOR = 1_000
const LOOK_EVERY = 100

export function createResolver({ database, edge, shared, maxEntries, maxBytes, blocks, maxStaleness, staleLimit, log }: Options) {
  const memory = memoryCache(maxEntries, maxBytes, (target) => vet(target.blocked ?? target))
  const absent = absentCodes(ABSENT_ENTRIES, ABSENT_FOR)
  const misses = createMisses(database, learn)
  const lookups = { memory: 0, edge: 0, shared: 0, database: 0, absent: 0, stale: 0 }
  let changes: Changes | undefined
  let mode: Mode = 'serve'
  let hidden = 0
  let followed = 0
  let refused = 0
  let made: Target[] = []
  const started = Date.now()

  function look() {
    const lag = Date.now() - (changes?.figures().lastPoll || edge?.position()?.at || started)
    const away = database.state() !== 'up'
    if (away && staleLimit !== undefined && lag > staleLimit) mode = 'refuse'
    else if (hidden > 0) mode = 'hide'
    else mode = away || lag <= maxStaleness ? 'serve' : 'ask'
  }
  const timer = setInterval(() => {
    look()
    absent.expire()
  }, LOOK_EVERY)

  /** Everything passes here on its way into memory and to the redirect. What is refused stays in memory, so that it is said once. */
  function vet(target: Target): Target {
    const vetted = webTarget(target)
    if (vetted.location === null && target.location !== null && memory.get(target.code)?.version !== target.version) {
      refused++
      log.error(
        { code: target.code, link: target.id },
        'a link leads to no http or https address: it is answered as if it were deleted',
      )
    }
    const blocked = vetted.location !== null && blocks(vetted.location)
    return blocked ? { ...vetted, active: false, blocked: vetted } : vetted
  }

  const stale = (code: string) => {
    const copied = memory.has(code) ? undefined : edge?.getOld(code)
    const known = memory.get(code) ?? (copied && vet(copied))
    if (known) lookups.stale++
    return known
  }

  async function find(code: string): Promise<Target | undefined> {
    if (mode === 'refuse') throw new DatabaseAway('what is known is older than STALE_LIMIT')
    if (absent.has(code)) {
      lookups.absent++
      return undefined
    }
    const before = followed
    const cached = mode === 'serve' ? await shared?.get(code) : undefined
    if (cached) {
      const copied = vet(cached)
      lookups.shared++
      if (before === followed) memory.set(copied) // else it may have been changed while it was read
      return copied
    }
    try {
      const target = await misses.find(code)
      lookups.database++
      return target
    } catch (error) {
      const known = stale(code)
      if (known) return known
      throw error
    }
  }

  function learn(code: string, row: Target | undefined, outdated: boolean): Target | undefined {
    const target = row && vet(row)
    if (outdated) return target
    if (!target) absent.add(code)
    else {
      memory.set(target)
      if (mode === 'serve') void shared?.apply([row])
    }
    return target
  }

  /** Makes memory follow changes, wherever they were made. */
  function follow(targets: Target[]) {
    followed += targets.length
    for (const target of targets) {
      misses.forget(target.code, target.version)
      absent.remove(target.code)
      if (memory.has(target.code)) memory.set(vet(target))
    }
  }

  /** Links made in one turn go into the copy together; where its disk is full, the feed tries again. */
  function copyMade() {
    const targets = made
    made = []
    try {
      edge?.apply(targets)
    } catch {}
    void shared?.apply(targets)
  }

  function forgetEverything() {
    followed++
    memory.clear()
    absent.clear()
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
      if (!copied) return undefined
      const target = vet(copied)
      lookups.edge++
      if (copied.location !== null) memory.set(target)
      return target
    },
    find,
    isWhole: () => mode === 'serve' && (edge?.usable() ?? false),
    changed(targets) {
      follow(targets)
      try {
        edge?.apply(targets)
      } catch {
        for (const target of targets) memory.set(vet(target)) // the disk is full: memory stands before the copy
      }
      void shared?.apply(targets)
      changes?.announce()
    },
    vetAnew: memory.vetAnew,
    hide(share) {
      hidden = share
      look()
    },
    created(target) {
      absent.remove(target.code)
      misses.forget(target.code, target.version)
      if (made.push(target) === 1) queueMicrotask(copyMade)
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
      forgetEverything() // what was read before this position might have changed before it, and the feed would not say so
      return position
    },
  }

  return {
    resolver,
    follower,
    /** Starts to trust the feed. */
    attach(feed: Changes) {
      changes = feed
    },
    stop() {
      clearInterval(timer)
      edge?.close()
      shared?.close()
    },
  }
}
