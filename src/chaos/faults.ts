// Faults made on purpose, each with a mandatory end.
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { type Evidence, keepCount, type Sums } from './evidence.ts'

export const FAULTS = ['kill', 'latency', 'errors', 'database'] as const
export type Fault = (typeof FAULTS)[number]
/** `by`: the id of the request that asked for it, to be found in the log. */
export type Armed = { fault: Fault; until: number; share: number; ms: number; by: string }
/** A fault that was armed; `to` is null while it is. Times in ms since 1970. */
export type Past = Omit<Armed, 'until'> & { from: number; to: number | null; evidence: Evidence }

const KEPT = 100

export type Chaos = ReturnType<typeof createChaos>

/**
 * `kill` is called for that fault: the process drains and exits 75, for its supervisor to start it again. `read` are the counters that tell
 * what a fault did.
 */
export function createChaos(database: Database, log: Log, kill: () => void, read: () => Sums) {
  const count = keepCount(read)
  const armed = new Map<Fault, Armed & { timer: Timer; past: Past; over: () => void }>()
  const history: Past[] = []

  function end(fault: Fault) {
    const one = armed.get(fault)
    if (!one) return
    clearTimeout(one.timer)
    armed.delete(fault)
    one.past.to = Date.now()
    one.over()
    if (fault === 'database') database.pretendAway(false)
    log.warn({ fault }, 'fault ended')
  }

  return {
    /** Arms `fault` for `seconds`; `share` (0 to 1) of requests are hit, latency adds `ms`. Armed again, it starts anew. */
    arm(fault: Fault, seconds: number, share: number, ms: number, by = '') {
      log.warn({ fault, seconds, share, ms }, 'fault armed')
      if (fault === 'kill') return kill()
      end(fault)
      const now = Date.now()
      const { evidence, over } = count.begin()
      const past: Past = { fault, share, ms, by, from: now, to: null, evidence }
      if (history.push(past) > KEPT) history.shift()
      const timer = setTimeout(end, seconds * 1000, fault)
      armed.set(fault, { fault, until: now + seconds * 1000, share, ms, by, timer, past, over })
      if (fault === 'database') database.pretendAway(true)
    },
    endAll: () => [...armed.keys()].forEach(end),
    armed: (): Armed[] => [...armed.values()].map(({ fault, until, share, ms, by }) => ({ fault, until, share, ms, by })),
    /** Newest first, at most 100, those that are armed among them. */
    history: () => history.toReversed(),
    /** Whether this request is one of those to fail. */
    fails: () => hits(armed.get('errors')),
    /** How many ms this request is to wait. */
    delay: () => (hits(armed.get('latency')) ? armed.get('latency')!.ms : 0),
    any: () => armed.size > 0,
    stop() {
      for (const fault of [...armed.keys()]) end(fault)
      count.stop()
    },
  }
}

const hits = (one: Armed | undefined) => one !== undefined && Math.random() < one.share
