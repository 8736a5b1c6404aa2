// The phases of the process: starting -> ready -> draining -> stopped, and the steps of its stop.
import type { OnStop } from '../base/on-stop.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'

export type Phase = 'starting' | 'ready' | 'draining' | 'stopped'
export type Lifecycle = ReturnType<typeof createLifecycle>

/** ms for all stops together; each one after that gets 100 ms. */
const STOP_WITHIN = 9_000
/** ms after which the process exits even if a stop hangs, before its supervisor kills it. */
const END_WITHIN = 12_000

export function createLifecycle(log: Log, exit: (code: number) => void) {
  let phase: Phase = 'starting'
  let deadline = Number.POSITIVE_INFINITY // in performance.now(), which ignores changes of the system clock
  const beforeStops: { name: string; run: (ms: number) => unknown }[] = []
  const stops = new AsyncDisposableStack()

  async function step(name: string, run: (ms: number) => unknown) {
    const remaining = Math.max(100, deadline - performance.now())
    try {
      if (!(await waitAtMost(run(remaining), remaining))) log.warn({ step: name }, 'a step of the shutdown took too long')
    } catch (error) {
      log.error({ step: name, err: error }, 'a step of the shutdown failed')
    }
  }

  const onStop: OnStop = (name, stop) => stops.defer(() => step(name, stop))

  return {
    started: Date.now(),
    phase: () => phase,
    ready() {
      if (phase === 'starting') phase = 'ready'
    },
    /** Adds a step of the drain that runs before any part stops, while requests are still answered. Steps run in the order of the calls. */
    onDrain: (name: string, run: (ms: number) => unknown) => void beforeStops.push({ name, run }),
    /** Adds the stop of a part, for a drain and for a failed start. */
    onStop,
    /** Stops everything and calls `exit` with the code. A second call does nothing. */
    async drain(exitCode: number, reason: string) {
      if (phase === 'draining' || phase === 'stopped') return
      phase = 'draining'
      log.info({ reason }, 'draining')
      deadline = performance.now() + STOP_WITHIN
      const end = setTimeout(() => exit(exitCode), END_WITHIN)
      for (const { name, run } of beforeStops) await step(name, run)
      await stops.disposeAsync()
      phase = 'stopped'
      log.info('stopped')
      clearTimeout(end)
      exit(exitCode)
    },
    /** Stops what a failed start had opened. */
    async abandon() {
      deadline = performance.now() + STOP_WITHIN
      await stops.disposeAsync()
    },
  }
}
