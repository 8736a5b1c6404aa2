// Faults made on purpose, each with a mandatory end.
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'

export const FAULTS = ['kill', 'latency', 'errors', 'database'] as const
export type Fault = (typeof FAULTS)[number]
export type Armed = { fault: Fault; until: number; share: number; ms: number }

export type Chaos = ReturnType<typeof createChaos>

/** `kill` is called for that fault: the process drains and exits 75, for its supervisor to start it again. */
export function createChaos(database: Database, log: Log, kill: () => void) {
  const armed = new Map<Fault, Armed & { timer: Timer }>()

  function end(fault: Fault) {
    const one = armed.get(fault)
    if (!one) return
    clearTimeout(one.timer)
    armed.delete(fault)
    if (fault === 'database') database.pretendAway(false)
    log.warn({ fault }, 'fault ended')
  }

  return {
    /** Arms `fault` for `seconds`; `share` (0 to 1) of requests are hit, latency adds `ms`. Armed again, it starts anew. */
    arm(fault: Fault, seconds: number, share: number, ms: number) {
      log.warn({ fault, seconds, share, ms }, 'fault armed')
      if (fault === 'kill') return kill()
      end(fault)
      armed.set(fault, { fault, until: Date.now() + seconds * 1000, share, ms, timer: setTimeout(end, seconds * 1000, fault) })
      if (fault === 'database') database.pretendAway(true)
    },
    endAll: () => [...armed.keys()].forEach(end),
    armed: (): Armed[] => [...armed.values()].map(({ timer: _, ...one }) => one),
    /** Whether this request is one of those to fail. */
    fails: () => hits(armed.get('errors')),
    /** How many ms this request is to wait. */
    delay: () => (hits(armed.get('latency')) ? armed.get('latency')!.ms : 0),
    any: () => armed.size > 0,
  }
}

const hits = (one: Armed | undefined) => one !== undefined && Math.random() < one.share
