// The current problems of a replica, as codes with params. Armed faults and alerts are reported separately.
import { iso } from '../../base/time.ts'
import { clickBacklog } from '../alerts/click-backlog.ts'
import { clockSkew } from '../alerts/clock-skew.ts'
import { steady } from '../steady.ts'
import { problemOf } from './problem.ts'
import type { Parts } from './replica-state.ts'
import type { Now, Problem } from './schema.ts'
import { CODES, type Code, type ParamsOf } from './sentences.ts'

/** ms that a flapping problem must be gone before it is no longer shown. */
const SHOWN_FOR = 10_000
/** These do not flap. */
const AT_ONCE = new Set<Code>(['starting', 'draining', 'releases'])
/** ms for which a past problem with the database is still shown. */
const PAST_SHOWN_FOR = 20_000

export type Problems = ReturnType<typeof followProblems>

export function followProblems(parts: Parts) {
  const lasting = steady(SHOWN_FOR)
  const latest = new Map<Code, Problem>()

  /** `alerts`: those that fire for real, with their causes. */
  return (now: Pick<Now, 'clicks' | 'phase' | 'mode'>, alerts: { cause: string }[]): Problem[] => {
    const database = databaseProblem(parts, alerts)
    const wrong = new Set<Code>()
    for (const [code, problem] of currentProblems(parts, now)) {
      wrong.add(code)
      latest.set(code, problem)
    }
    const shown = (Object.keys(CODES) as Code[]).filter((code) =>
      AT_ONCE.has(code) ? wrong.has(code) : lasting.is(code, wrong.has(code)),
    )
    // Consequences of a problem with the database are not shown separately.
    const own = database ? shown.filter((code) => code !== 'lagging' && code !== 'click_backlog') : shown
    return [...(database ? [database] : []), ...own.map((code) => latest.get(code)!)]
  }
}

function databaseProblem({ database, sampler }: Parts, alerts: { cause: string }[]): Problem | undefined {
  const { health } = database
  const condition = health.now()
  const since = iso(health.since())
  const { renewed, moved } = sampler.database()
  if (condition === 'slow') return problemOf('database_slow', { since })
  if (condition === 'unreachable') return problemOf('database_unreachable', { since, reason: database.downFor() })
  if (moved !== undefined) return problemOf('database_moved', { at: iso(moved) })
  const past = health.past()
  const fires = alerts.some(({ cause }) => cause === 'database')
  if (past && (fires || Date.now() - past.over < PAST_SHOWN_FOR))
    return problemOf('database_over', { was: past.was, since: iso(past.from), until: iso(past.until) })
  return renewed === undefined ? undefined : problemOf('database_reconnected', { at: iso(renewed) })
}

/** The current problems, except the state of the database. */
function currentProblems(parts: Parts, { clicks, phase, mode }: Pick<Now, 'clicks' | 'phase' | 'mode'>): Map<Code, Problem> {
  const all = new Map<Code, Problem>()
  const add = <C extends Code>(code: C, params: ParamsOf<C>) => all.set(code, problemOf(code, params))
  const firing = new Map(
    parts.alerts.list().flatMap(({ name, state, test, value }) => (state === 'firing' && !test ? [[name, value]] : [])),
  )
  const flood = firing.get('unknown_flood') ?? 0
  const refused = firing.get('targets_refused') ?? 0
  const unread = firing.get('journal_skipped') ?? 0
  const memory = parts.memory.figures()
  const descriptors = parts.descriptors.figures()
  const versions = releasesOf(parts.members.list())
  const ahead = parts.clock.lasting()
  const refuses = phase === 'ready' ? parts.refused() : undefined
  const used_for = unreachableValkey(parts)

  if (phase === 'starting') add('starting', {})
  if (phase === 'draining') add('draining', {})
  if (refuses !== undefined) add('database_refuses', { reason: refuses })
  if (mode === 'refuse') add('stale', {})
  if (mode === 'ask') add('lagging', {})
  if (clicks.no_room !== null) add('clicks_dropped', { reason: clicks.no_room })
  if (unread > 0) add('journal_skipped', { files: unread })
  if (clicks.oldest_age_s > clickBacklog.limit) add('click_backlog', { limit_s: clickBacklog.limit })
  if (used_for.length > 0) add('shared_cache', { used_for })
  if (memory.tight) add('memory_low', { percent: Math.round((100 * memory.used) / memory.limit) })
  if (descriptors.low) add('descriptors_low', { open: descriptors.open, limit: descriptors.most })
  if (flood > 0) add('unknown_flood', { requests: flood })
  if (refused > 0) add('targets_refused', { links: refused })
  if (versions.length > 1) add('releases', { versions })
  if (Math.abs(ahead) > clockSkew.limit) add('clock_skew', { ahead_s: Math.round(ahead) })
  return all
}

const unreachableValkey = ({ shared, limits }: Parts): ('links' | 'limits')[] => [
  ...(shared?.figures().up === false ? ['links' as const] : []),
  ...(limits.sharedAway() > 0 ? ['limits' as const] : []),
]

/** The releases of running replicas, lowest first. */
const releasesOf = (replicas: { state: string; version: string }[]) =>
  [...new Set(replicas.flatMap(({ state, version }) => (state === 'lost' ? [] : [version])))].sort(Bun.semver.order)
