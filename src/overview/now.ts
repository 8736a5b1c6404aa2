// How a replica is now, and in sentences what is wrong with it.
import type { Chaos } from '../chaos/faults.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Clock } from '../fleet/clock.ts'
import type { Members } from '../fleet/members.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Limits } from '../limits/limits.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { SharedCache } from '../redirect/shared-cache.ts'
import type { Alerts } from '../telemetry/alerts.ts'
import { ALERTS } from '../telemetry/conditions.ts'
import type { Descriptors } from '../telemetry/descriptors.ts'
import { type Memory, resident } from '../telemetry/machine.ts'
import type { Sampler } from './sampler.ts'
import type { Now } from './schema.ts'

type Parts = {
  database: Database
  clicks: Recorder
  resolver: Resolver
  shared: Pick<SharedCache, 'figures'> | undefined
  clock: Clock
  memory: Memory
  descriptors: Descriptors
  limits: Pick<Limits, 'sharedAway'>
  members: Pick<Members, 'list'>
  lifecycle: Lifecycle
  chaos: Chaos
  alerts: Alerts
  sampler: Sampler
}

export function nowOf(parts: Parts) {
  const { database, clicks, resolver, memory, lifecycle, chaos, alerts, sampler } = parts
  return (): Now => {
    const figures = clicks.figures()
    const { since, latency } = sampler.database()
    const { used, limit } = memory.figures()
    const up = database.state() === 'up'
    const now = {
      database: {
        state: up ? ('up' as const) : ('away' as const),
        since: iso(since),
        latency_ms: !up || latency === undefined ? null : Math.round(latency * 100) / 100,
      },
      clicks: {
        backlog: Math.max(0, figures.backlog),
        oldest_age_s: figures.oldest === undefined ? 0 : Math.max(0, Date.now() - figures.oldest) / 1000,
        last_flush: iso(figures.lastFlush),
        stored: figures.stored + figures.adopted,
        dropped: figures.dropped,
        rejected: figures.rejected,
        no_room: figures.noRoom ?? null,
      },
      memory: { rss: resident(), used, limit },
      uptime: Math.floor((Date.now() - lifecycle.started) / 1000),
      phase: lifecycle.phase(),
      mode: resolver.figures().mode,
      faults: chaos.armed().map(({ fault, until }) => ({ fault, until: iso(until) })),
      alerts: alerts.list().flatMap(({ name, state, since }) => (state === 'firing' ? [{ name, since }] : [])),
    }
    return { ...now, troubles: troublesOf(now, parts) }
  }
}

/** What is wrong, each in a sentence that says what it means. Armed faults and alerts are told apart from this. */
function troublesOf({ database, clicks, phase, mode }: Omit<Now, 'troubles'>, parts: Parts): string[] {
  const away = database.state === 'away'
  const { missed, renewed, moved } = parts.sampler.database()
  const firing = new Map(
    parts.alerts.list().flatMap(({ name, state, test, value }) => (state === 'firing' && !test ? [[name, value]] : [])),
  )
  const slow = firing.get('database_slow')
  const flood = firing.get('unknown_flood')
  const refused = firing.get('targets_refused')
  const memory = parts.memory.figures()
  const descriptors = parts.descriptors.figures()
  const releases = releasesOf(parts.members.list())
  const ahead = parts.clock.lasting()
  const sentences: [boolean, string][] = [
    [phase === 'starting', 'This replica is starting.'],
    [phase === 'draining', 'This replica is draining: it finishes what is under way and takes nothing new.'],
    [
      away && mode !== 'refuse',
      `The database has not answered since ${database.since}: known links go on redirecting, clicks wait in the journal, changes answer 503.`,
    ],
    [mode === 'refuse', 'What this replica knows is older than STALE_LIMIT: redirects answer 503 until the database is back.'],
    [mode === 'ask', 'Changes of other replicas arrive late, longer than MAX_STALENESS: each redirect asks the database.'],
    [
      clicks.no_room !== null,
      `The click journal has no room (${clicks.no_room}): new clicks will be lost once its segment is full.`,
    ],
    [
      !away && clicks.oldest_age_s > ALERTS.click_backlog.limit,
      `The oldest click not stored is ${Math.round(clicks.oldest_age_s)} s old: the drain falls behind.`,
    ],
    [
      !away && missed !== undefined,
      `The database did not answer at ${iso(missed ?? 0)}, and does again: what was asked of it meanwhile was answered 503.`,
    ],
    [
      !away && renewed !== undefined,
      `Connections to the database fell silent and were made anew at ${iso(renewed ?? 0)}: what was asked on them gets no answer.`,
    ],
    [
      moved !== undefined,
      `Another database server became the primary at ${iso(moved ?? 0)}: what was asked of the one before may have got no answer.`,
    ],
    [
      slow !== undefined,
      `The database takes ${Math.round(slow ?? 0)} ms for a small change: links that are not known here may be late, or be answered 503.`,
    ],
    [
      parts.shared?.figures().up === false,
      'The shared cache (Valkey) does not answer: links that are not in memory are asked of the database.',
    ],
    [parts.limits.sharedAway() > 0, 'The Valkey of the rate limits does not answer: each replica counts for itself.'],
    [
      memory.tight,
      `Memory is at ${Math.round((100 * memory.used) / memory.limit)} % of its limit, at which the system ends this replica.`,
    ],
    [
      descriptors.low,
      `${count(descriptors.open)} of ${count(descriptors.most)} descriptors are open: at the limit no connection is accepted.`,
    ],
    [
      flood !== undefined,
      `Somebody tries codes out: ${count(flood ?? 0)} requests for unknown codes were refused within 2 minutes. Known links go on redirecting.`,
    ],
    [
      refused !== undefined,
      `Links in the database lead to no web address, and are answered 404 (found in 5 minutes: ${count(refused ?? 0)}): the log names them, filtered by “leads to no http”.`,
    ],
    [releases.length > 1, `Replicas run ${releases.length === 2 ? 'two' : releases.length} releases: ${releases.join(' and ')}.`],
    [
      Math.abs(ahead) > ALERTS.clock_skew.limit,
      `The clock of this machine is ${Math.round(Math.abs(ahead))} s ${ahead > 0 ? 'ahead of' : 'behind'} the database’s: clicks get wrong times, keys and sign-ins end at wrong ones.`,
    ],
  ]
  return sentences.flatMap(([wrong, sentence]) => (wrong ? [sentence] : []))
}

/** Of the replicas that live, lowest first. */
const releasesOf = (replicas: ReturnType<Members['list']>) =>
  [...new Set(replicas.flatMap(({ state, version }) => (state === 'lost' ? [] : [version])))].sort(Bun.semver.order)

const count = (value: number) => value.toLocaleString('en')
const iso = (time: number) => new Date(time).toISOString()
