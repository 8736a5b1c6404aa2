// A run as rows of a report.
import { type Result, type Row, round } from '../compare.ts'
import type { Latencies } from './tally.ts'
import { type Run, THINK } from './users.ts'
import { KINDS } from './workload.ts'

export const P95_GOAL = 15 // ms: the best published for this workload, at 960 requests a second of 500 users

export const MIX = `Each user has a connection of its own, and in turn asks /health, shortens a URL, lists links (GET /urls) and follows one of the short links made, in equal parts, with 0 to ${THINK} ms of thought after every answer; 500 users then make some 980 requests a second. Latency is from the moment of asking to the last byte, connecting included.`

/** One row for all requests, and one for each kind. */
export function rowsOf({ users, seconds, tally }: Run): Row[] {
  const row = (name: string, { requests, p50, p95, p99, worst, errors }: Latencies): Row => ({
    name,
    figures: {
      'per second': round(requests / seconds, 0),
      'p50 ms': round(p50, 1),
      'p95 ms': round(p95, 1),
      'p99 ms': round(p99, 1),
      'worst ms': round(worst, 0),
      requests,
      errors,
    },
  })
  return [row(`${users} users`, tally.latencies()), ...KINDS.map((kind) => row(`– ${kind}`, tally.latencies(kind)))]
}

/** That nothing went wrong, or what did and how often. */
export function faultless(name: string, faults: Record<string, number>): Result['checks'][number] {
  const found = Object.entries(faults).map(([fault, count]) => `${fault}, ${count} times`)
  return { name, held: found.length === 0, found: found.join('; ') || '0 errors' }
}

/** Where the time of the processors went, and the client's own delay. */
export function processorsOf({ users, processors, late, connections }: Run): string {
  const spent = Object.entries(processors)
    .filter(([, cores]) => cores >= 0.005)
    .sort(([, a], [, b]) => b - a)
    .map(([program, cores]) => `${program} ${cores.toFixed(2)}`)
  return `${users} users: cores busy: ${spent.join(', ') || 'unknown'}; requests sent late by the client, p95: ${late.toFixed(1)} ms; connections opened: ${connections}.`
}
