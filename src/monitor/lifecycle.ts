// The phases of the process: starting -> ready -> draining -> stopped, and the steps of its stop.
import type { OnStop } from '../base/on-stop.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'

export type Phase = 'starting' | 'ready' | 'draining' | 'stopped'
export type Lifecycle = ReturnType<typeof createLifecycle>

/** ms for all stops together; each one after that gets 100 ms. */
const STOP_WITHIN = 9_000
/** ms after them, when the process exits even if a stop hangs, before its supervisor kills it. */
const END_AFTER = 3_000

export function createLifecycle(log: Log, exit: (code: number) => void) {
  let phase: Phase = 'starting'
  let deadline = Number.POSITIVE_INFINITY // in performance.now(), which ignores changes of the system clock
  const beforeStops: { name: string; run: (ms: number) => unknown }[] = []
  const stops = new AsyncDisposableStack()
  let hurry = Promise.withResolvers<void>() // the current step is not waited for any longer
  let end: Timer | undefined

  async function step(name: string, run: (ms: number) => unknown) {
    const remaining = Math.max(100, deadline - performance.now())
    try {
      if (!(await waitAtMost(Promise.race([run(remaining), hurry.promise]), remaining)))
        log.warn({ step: name }, 'a step of the shutdown took too long')
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
    /** Stops everything, within `ms`, and calls `exit` with the code. Another call can only shorten the time. */
    async drain(exitCode: number, reason: string, ms = STOP_WITHIN) {
      const by = performance.now() + ms
      if (phase === 'stopped' || (phase === 'draining' && by > deadline)) return
      deadline = by
      clearTimeout(end)
      end = setTimeout(() => exit(exitCode), ms + END_AFTER)
      log.info({ reason }, 'draining')
      if (phase === 'draining') {
        hurry.resolve()
        hurry = Promise.withResolvers()
        return
      }
      phase = 'draining'
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
