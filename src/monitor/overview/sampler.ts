// Takes one sample per second: differences of existing counters, and readings of the process.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Recorder } from '../../clicks/recorder.ts'
import type { Database, DatabaseState } from '../../database/guard.ts'
import type { RedirectFigures } from '../../redirect/figures.ts'
import { resident } from '../../telemetry/machine.ts'
import { LAG_RESOLUTION, type Metrics } from '../../telemetry/metrics.ts'
import { sampleRing } from './ring.ts'

type Parts = { metrics: Metrics; figures: RedirectFigures; clicks: Recorder; database: Database }

export type Sampler = ReturnType<typeof startSampler>

const REPORTED_FOR = 10_000 // ms for which reconnections and failovers are reported

export function startSampler({ metrics, figures, clicks, database }: Parts) {
  const ring = sampleRing()
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION })
  delay.enable()
  const followers = new Set<(second: number) => void>()
  const since: { state: DatabaseState; at: number } = { state: database.state(), at: Date.now() }
  let latency: number | undefined
  const lately: { renewed?: number; moved?: number } = {}
  let rate = 0
  let before = read()
  let timer = setTimeout(tick, untilNext())

  /** Runs on full seconds of the clock, so that the samples of all replicas match. */
  function tick() {
    const now = read()
    const second = Math.floor(now.at / 1000) - 1 // the completed one
    const elapsed = now.at - before.at
    if (elapsed > 0) {
      const counts = now.counts.map((count, i) => Math.max(0, count - before.counts[i]!))
      const { max } = delay
      delay.reset()
      ring.add(second, [elapsed, ...counts, Math.max(0, max / 1000), resident() / 1024, Math.max(0, clicks.figures().backlog)])
      rate = ((now.requests - before.requests) * 1000) / elapsed
      const queries = now.queries - before.queries
      if (queries > 0) latency = ((now.querySeconds - before.querySeconds) * 1000) / queries
      if (now.renewals > before.renewals) lately.renewed = now.at
      if (now.moves > before.moves) lately.moved = now.at
      before = now
    }
    for (const what of ['renewed', 'moved'] as const)
      if (Math.abs(now.at - (lately[what] ?? now.at)) > REPORTED_FOR) lately[what] = undefined
    if (since.state !== database.state()) {
      since.state = database.state()
      since.at = now.at
    }
    for (const follower of followers) follower(second)
    timer = setTimeout(tick, untilNext())
  }

  function read() {
    const { count, failed, by_status } = metrics.requests()
    const { results, buckets } = figures
    const { user, system } = process.cpuUsage()
    const { queries, seconds, renewals, moves } = database.figures()
    const families = [...['2xx', '3xx', '4xx'].map((family) => by_status[family] ?? 0), failed]
    return {
      at: Date.now(),
      requests: count,
      queries,
      querySeconds: seconds,
      renewals,
      moves,
      counts: [...families, results.hit, results.edge, results.miss, user + system, ...buckets, ...metrics.durations()],
    }
  }

  return {
    ring,
    /** Calls `follower` after each sample with its second; returns a function that stops it. */
    follow(follower: (second: number) => void) {
      followers.add(follower)
      return () => void followers.delete(follower)
    },
    /** Requests in the last second. */
    rate: () => rate,
    /**
     * Start of the database's current state (ms since 1970) and mean latency (ms); plus when, in the last 10 s, it reconnected or failed
     * over.
     */
    database: () => ({ since: since.at, latency, ...lately }),
    stop() {
      clearTimeout(timer)
      delay.disable()
    },
  }
}

const untilNext = () => 1000 - (Date.now() % 1000) + 1
