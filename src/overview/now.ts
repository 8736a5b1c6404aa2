// How a replica is now, and in sentences what is wrong with it.
import { totalmem } from 'node:os'
import type { Chaos } from '../chaos/faults.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { Alerts } from '../telemetry/alerts.ts'
import type { Sampler } from './sampler.ts'
import type { Now } from './schema.ts'

type Parts = {
  database: Database
  clicks: Recorder
  resolver: Resolver
  lifecycle: Lifecycle
  chaos: Chaos
  alerts: Alerts
  sampler: Sampler
}

const OLD_CLICK = 30 // seconds, as the alert has it
const MUCH_MEMORY = 0.9

const LIMIT = memoryLimit()

export function nowOf({ database, clicks, resolver, lifecycle, chaos, alerts, sampler }: Parts) {
  return (): Now => {
    const figures = clicks.figures()
    const { since, latency } = sampler.database()
    const up = database.state() === 'up'
    const now = {
      database: {
        state: up ? ('up' as const) : ('away' as const),
        since: iso(since),
        latency_ms: latency === undefined ? null : Math.round(latency * 100) / 100,
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
      memory: { rss: process.memoryUsage.rss(), limit: LIMIT },
      uptime: Math.floor((Date.now() - lifecycle.started) / 1000),
      phase: lifecycle.phase(),
      mode: resolver.figures().mode,
      faults: chaos.armed().map(({ fault, until }) => ({ fault, until: iso(until) })),
      alerts: alerts.list().flatMap(({ name, state, since }) => (state === 'firing' ? [{ name, since }] : [])),
    }
    return { ...now, troubles: troublesOf(now) }
  }
}

/** What is wrong, each in a sentence that says what it means. Armed faults and alerts are told apart from this. */
function troublesOf({ database, clicks, memory, phase, mode }: Omit<Now, 'troubles'>): string[] {
  const away = database.state === 'away'
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
      !away && clicks.oldest_age_s > OLD_CLICK,
      `The oldest click not stored is ${Math.round(clicks.oldest_age_s)} s old: the drain falls behind.`,
    ],
    [memory.rss > memory.limit * MUCH_MEMORY, `Memory is at ${Math.round((100 * memory.rss) / memory.limit)} % of its limit.`],
  ]
  return sentences.flatMap(([wrong, sentence]) => (wrong ? [sentence] : []))
}

/** Of the container where it has one, else of the machine. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem()
}

const iso = (time: number) => new Date(time).toISOString()
