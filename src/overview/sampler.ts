// Takes one sample a second: differences of the counters that are kept anyway, and readings of the process.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database, DatabaseState } from '../database/guard.ts'
import type { RedirectFigures } from '../redirect/figures.ts'
import { resident } from '../telemetry/machine.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { sampleRing } from './ring.ts'

type Parts = { metrics: Metrics; figures: RedirectFigures; clicks: Recorder; database: Database }

export type Sampler = ReturnType<typeof startSampler>

const TOLD_FOR = 10_000 // ms that what happened to the database's connections is told
const LAG_RESOLUTION = 20 // ms: 50 wake-ups a second, 0.4 % of a core

export function startSampler({ metrics, figures, clicks, database }: Parts) {
  const ring = sampleRing()
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION })
  delay.enable()
  const followers = new Set<(second: number) => void>()
  const since: { state: DatabaseState; at: number } = { state: database.state(), at: Date.now() }
  let latency: number | undefined
  const lately: { missed?: number; renewed?: number; moved?: number } = {}
  let rate = 0
  let before = read()
  let timer = setTimeout(tick, untilNext())

  /** On the second, by the clock: so the samples of all replicas fit together. */
  function tick() {
    const now = read()
    const second = Math.floor(now.at / 1000) - 1 // the one that is over
    const elapsed = now.at - before.at
    if (elapsed > 0) {
      const counts = now.counts.map((count, i) => Math.max(0, count - before.counts[i]!))
      const { max } = delay
      delay.reset()
      ring.add(second, [elapsed, ...counts, Math.max(0, max / 1000), resident() / 1024, Math.max(0, clicks.figures().backlog)])
      rate = ((now.requests - before.requests) * 1000) / elapsed
      const queries = now.queries - before.queries
      if (queries > 0) latency = ((now.querySeconds - before.querySeconds) * 1000) / queries
      if (now.outages > before.outages) lately.missed = now.at
      if (now.renewals > before.renewals) lately.renewed = now.at
      if (now.moves > before.moves) lately.moved = now.at
      before = now
    }
    for (const what of ['missed', 'renewed', 'moved'] as const)
      if (Math.abs(now.at - (lately[what] ?? now.at)) > TOLD_FOR) lately[what] = undefined
    if (since.state !== database.state()) {
      since.state = database.state()
      since.at = now.at
    }
    for (const follower of followers) follower(second)
    timer = setTimeout(tick, untilNext())
  }

  function read() {
    const { count, errors, by_status } = metrics.requests()
    const { results, buckets } = figures
    const { user, system } = process.cpuUsage()
    const { queries, seconds, outages, renewals, moves } = database.figures()
    const families = [...['2xx', '3xx', '4xx'].map((family) => by_status[family] ?? 0), errors]
    return {
      at: Date.now(),
      requests: count,
      queries,
      querySeconds: seconds,
      outages,
      renewals,
      moves,
      counts: [...families, results.hit, results.edge, results.miss, user + system, ...buckets, ...metrics.durations()],
    }
  }

  return {
    ring,
    /** Calls `follower` after each sample with its second; returns the way to stop. */
    follow(follower: (second: number) => void) {
      followers.add(follower)
      return () => void followers.delete(follower)
    },
    /** Requests a second, in the last one. */
    rate: () => rate,
    /** Since when the database is in its state, in ms since 1970, and what its last answers took on average, in ms; when, within ten
     * seconds, it was found away, its connections were made anew, and another server became it. */
    database: () => ({ since: since.at, latency, ...lately }),
    stop() {
      clearTimeout(timer)
      delay.disable()
    },
  }
}

const untilNext = () => 1000 - (Date.now() % 1000) + 1
