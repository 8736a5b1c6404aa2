// One process below the supervisor: a replica, or the embedded database.
import { entryPoint } from '../base/executable.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { FromProcess, ToProcess } from './messages.ts'

export type Process = ReturnType<typeof startProcess>

/** Starts `waypost ARGS` from the file that has this program's path now, which may be a newer release. */
export function startProcess(name: string, args: string[], heard: (message: FromProcess, from: Process) => void) {
  const ready = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const child = Bun.spawn([...entryPoint(), ...args], {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    serialization: 'json',
    ipc(message: FromProcess) {
      if (typeof message !== 'object' || message === null) return
      if ('ready' in message) ready.resolve()
      if ('opened' in message) opened.resolve()
      heard(message, started)
    },
  })
  const exited = child.exited.then(() => ({ code: child.exitCode, signal: child.signalCode }))
  const ended = exited.then(({ code, signal }) => Promise.reject(new Ended(name, code, signal)))
  ended.catch(() => {})
  const started = {
    name,
    pid: child.pid,
    startedAt: performance.now(),
    /** Resolves with the code, or the signal, that ended it. */
    exited,
    lives: () => child.exitCode === null && child.signalCode === null,
    /** These reject with Ended if it ends before. */
    ready: Promise.race([ready.promise, ended]),
    opened: Promise.race([opened.promise, ended]),
    /** Does nothing if it has ended. */
    send(message: ToProcess) {
      try {
        child.send(message)
      } catch {} // its channel is closed
    },
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Waits for its end; kills it after `ms`. */
    async endWithin(ms: number) {
      if (await waitAtMost(exited, ms)) return
      child.kill('SIGKILL')
      await exited
    },
  }
  for (const outcome of [started.ready, started.opened]) outcome.catch(() => {})
  return started
}

/** A process ended before it was ready. */
export class Ended extends Error {
  override name = 'Ended'
  constructor(
    process: string,
    readonly code: number | null,
    signal: string | number | null,
  ) {
    super(`${process} ended with ${signal ?? `exit code ${code}`} before it was ready`)
  }
}
