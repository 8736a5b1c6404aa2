import type { Phase } from './telemetry/health.ts'
import type { Log } from './telemetry/logs.ts'

export type Lifecycle = ReturnType<typeof createLifecycle>

/** The last step to leave may take this long in all; then the process ends whatever is left. */
const STOP_WITHIN = 9_000

/** boot -> ready -> draining -> stopped. `steps` run one after another when it drains, each told how many ms it may take. */
export function createLifecycle(log: Log, exit: (code: number) => void) {
  let phase: Phase = 'starting'
  const steps: { name: string; run: (ms: number) => unknown }[] = []
  const started = Date.now()

  async function drain(exitCode: number, reason: string) {
    if (phase === 'draining' || phase === 'stopped') return
    phase = 'draining'
    log.info({ reason }, 'draining')
    const deadline = Date.now() + STOP_WITHIN
    for (const { name, run } of steps) {
      const left = Math.max(100, deadline - Date.now())
      try {
        const late = Symbol()
        if ((await Promise.race([run(left), Bun.sleep(left).then(() => late)])) === late)
          log.warn({ step: name }, 'a step of the stop took too long')
      } catch (error) {
        log.error({ step: name, err: error }, 'a step of the stop failed')
      }
    }
    phase = 'stopped'
    log.info('stopped')
    exit(exitCode)
  }

  return {
    started,
    phase: () => phase,
    ready() {
      if (phase === 'starting') phase = 'ready'
    },
    /** Adds what is to be done when the process drains. */
    onDrain: (name: string, run: (ms: number) => unknown) => void steps.push({ name, run }),
    drain,
  }
}
