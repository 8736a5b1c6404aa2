// What users saw: each request with its moment, its latency and what was wrong with it.
import { KINDS, type Kind } from './workload.ts'

export type Tally = ReturnType<typeof createTally>
export type Latencies = { requests: number; p50: number; p95: number; p99: number; worst: number; errors: number }

export function createTally() {
  const started = performance.now()
  const samples: Record<Kind, { at: number[]; ms: number[]; errors: number }> = {
    health: { at: [], ms: [], errors: 0 },
    shorten: { at: [], ms: [], errors: 0 },
    list: { at: [], ms: [], errors: 0 },
    redirect: { at: [], ms: [], errors: 0 },
  }
  const faults = new Map<string, number>()
  return {
    add(kind: Kind, sent: number, ms: number, fault: string | undefined) {
      const of = samples[kind]
      of.at.push((sent - started) / 1000)
      of.ms.push(ms)
      if (fault === undefined) return
      of.errors++
      faults.set(`${kind}: ${fault}`, (faults.get(`${kind}: ${fault}`) ?? 0) + 1)
    },
    seconds: () => (performance.now() - started) / 1000,
    /** Of one kind of request, or of all. Requests that failed count with the time until they did. */
    latencies(kind?: Kind): Latencies {
      const of = kind ? [samples[kind]] : Object.values(samples)
      const ms = of.flatMap((each) => each.ms)
      return { ...percentiles(ms), requests: ms.length, errors: of.reduce((sum, { errors }) => sum + errors, 0) }
    },
    /** How often each thing went wrong: `shorten: 502`. */
    faults: () => Object.fromEntries(faults),
    /** The percentiles of each second. */
    series() {
      const seconds: number[][] = []
      for (const kind of KINDS)
        for (const [i, at] of samples[kind].at.entries()) (seconds[Math.floor(at)] ??= []).push(samples[kind].ms[i]!)
      return Array.from(seconds, (ms) => (ms ? percentiles(ms) : undefined))
    },
  }
}

export function percentiles(ms: number[]) {
  const sorted = Float64Array.from(ms).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), worst: at(1) }
}
