// Faults on purpose, each with a mandatory end: arms them, ends them, and keeps the history.
import type { By } from '../http/principal.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Effects } from './effects.ts'
import { type Evidence, keepCount, type Sums } from './evidence.ts'
import type { Fault } from './schema.ts'
import type { Trail } from './trail.ts'
/** `by`: the id of the request that armed it, as in the log. */
export type Armed = { fault: Fault; until: number; share: number; ms: number; by: string }
/** A fault of the history; `to` is null while it is armed. Times in ms since 1970. */
export type Past = Omit<Armed, 'until'> & { from: number; to: number | null; evidence: Evidence }

const KEPT = 100

/** Only CHAOS_TOKEN arms and ends faults; the replica that checked it may be another one. */
const OPERATOR: By = { by: 'chaos-token' }
const SERVER: By = { by: 'server' }
const BY_ITSELF = new Set<string>(['its time was over', 'the server stops'])

export type Chaos = ReturnType<typeof createChaos>

type Parts = { effects: Effects; trail: Trail; log: Log; kill: () => void; read: () => Sums }

/**
 * `kill` implements the fault kill: the process drains and exits 75, so that its supervisor restarts it. `read` returns the counters for
 * the evidence.
 */
export function createChaos({ effects, trail, log, kill, read }: Parts) {
  const count = keepCount(read)
  const armed = new Map<Fault, Armed & { timer: Timer; past: Past; over: () => void }>()
  const history: Past[] = []
  const timesArmed = new Map<Fault, number>()

  function end(fault: Fault, how: 'its time was over' | 'ended by hand' | 'armed anew' | 'the server stops') {
    const one = armed.get(fault)
    if (!one) return
    clearTimeout(one.timer)
    armed.delete(fault)
    one.past.to = Date.now()
    one.over()
    log.warn({ fault, how }, 'fault ended')
    void trail.note('chaos_ended', { fault, how, request_id: one.by, ...(BY_ITSELF.has(how) ? SERVER : OPERATOR) })
  }

  return {
    /** Arms `fault` for `seconds` on a `share` (0–1) of its subjects; latency adds `ms`. A fault that is armed already is restarted. */
    async arm(fault: Fault, seconds: number, share: number, ms: number, by = '') {
      await trail.note('chaos_armed', {
        fault,
        seconds,
        share,
        ...(fault === 'latency' && { latency_ms: ms }),
        request_id: by,
        ...OPERATOR,
      })
      log.warn({ fault, seconds, share, ms }, 'fault armed')
      timesArmed.set(fault, (timesArmed.get(fault) ?? 0) + 1)
      if (fault === 'kill') return kill()
      end(fault, 'armed anew')
      const now = Date.now()
      const { evidence, over } = count.begin()
      const past: Past = { fault, share, ms, by, from: now, to: null, evidence }
      if (history.push(past) > KEPT) history.shift()
      const undo = effects[fault]?.(share, seconds * 1000)
      const timer = setTimeout(end, seconds * 1000, fault, 'its time was over')
      const undone = () => {
        undo?.()
        over()
      }
      armed.set(fault, { fault, until: now + seconds * 1000, share, ms, by, timer, past, over: undone })
    },
    /** Ends all faults; returns those that were armed. */
    endAll(): Fault[] {
      const all = [...armed.keys()]
      for (const fault of all) end(fault, 'ended by hand')
      return all
    },
    armed: (): Armed[] => [...armed.values()].map(({ fault, until, share, ms, by }) => ({ fault, until, share, ms, by })),
    /** Newest first, at most 100, armed ones included. */
    history: () => history.toReversed(),
    timesArmed: (fault: Fault) => timesArmed.get(fault) ?? 0,
    /** Whether any request may fail or be delayed; redirects by /:code never are. */
    disturbs: () => armed.has('errors') || armed.has('latency'),
    /** Whether this request should fail. */
    fails: () => hits(armed.get('errors')),
    /** The delay of this request in ms. */
    delay: () => (hits(armed.get('latency')) ? armed.get('latency')!.ms : 0),
    async stop() {
      for (const fault of [...armed.keys()]) end(fault, 'the server stops')
      count.stop()
      await trail.stop()
    },
  }
}

const hits = (one: Armed | undefined) => one !== undefined && Math.random() < one.share
