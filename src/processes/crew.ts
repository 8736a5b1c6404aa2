// The processes of a supervisor: which ones run, their restarts, and their replacement one by one.
import { backOff } from '../base/back-off.ts'
import { within } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'
import { createListeners } from './listeners.ts'
import type { FromProcess } from './messages.ts'
import { type Process, startProcess } from './process.ts'

const DATABASE = 'the embedded database'
const FIRST_WAIT = 200 // ms before a process that ended is started again, doubled each time
const LONGEST_WAIT = 15_000
const STEADY_AFTER = 60_000 // one that ran this long starts again at once
const READY_WITHIN = 120_000 // a migration may come first
const OPEN_WITHIN = 10_000
const STOP_WITHIN = 15_000 // its own drain takes 12 s at most
const LEAVE_WITHIN = 65_000 // that of a replica that was replaced takes 63 s at most
const DATABASE_WITHIN = 8_000

type Options = {
  /** Number of replicas. */
  count: number
  /** The arguments of a replica. `first`: no process has run yet. */
  replica: (first: boolean) => string[]
  /** The arguments of the process that serves the embedded database; undefined with an external one. */
  database?: (first: boolean) => string[]
  log: Log
}

export type Crew = ReturnType<typeof createCrew>

/** `start` starts them. Logs what happens to them. */
export function createCrew({ count, replica, database, log }: Options) {
  const current = new Map<string, Process>() // by name
  const running = new Set<Process>() // with those that leave
  const replaced = new Set<string>() // names whose replacement is being started
  const listeners = createListeners<Process>()
  const leaving = new Set<Process>()
  let steered = false
  let stopping = false
  let turn: Promise<unknown> = Promise.resolve()
  const names = Array.from({ length: count }, (_, index) => `replica ${index + 1}`)

  function launch(name: string, first = false): Process {
    const args = name === DATABASE ? database!(first) : replica(first)
    const process = startProcess(name, args, heard)
    running.add(process)
    void process.exited.then(() => {
      running.delete(process)
      closed(process)
    })
    if (name !== DATABASE) void process.ready.then(() => (turn = turn.then(() => open(process)))).catch(() => {})
    return process
  }

  /** One after another, so that the order of the listeners is known. */
  async function open(process: Process) {
    if (!process.lives()) return
    process.send({ open: true })
    await within(process.opened, OPEN_WITHIN).catch(() => process.kill('SIGKILL'))
  }

  function heard(message: FromProcess, from: Process) {
    if ('opened' in message) {
      listeners.add(from)
      steer()
      log.info({ replica: from.name, pid: from.pid, ...message.opened }, 'a replica is ready')
    } else if ('closed' in message) closed(from)
  }

  function closed(process: Process) {
    leaving.delete(process)
    if (listeners.remove(process)) steer()
  }

  /** Any listener can do it for all. */
  function steer() {
    const avoid = listeners.some(leaving)
    if (avoid) listeners.any()!.send({ avoid })
    else if (steered) listeners.any()?.send({ spread: true })
    steered = avoid !== undefined
  }

  /** Makes it the current one of its name, and starts another when it ends. */
  function keep(process: Process, failures = 0) {
    const { name, pid, startedAt } = process
    current.set(name, process)
    void process.exited.then(async (ended) => {
      if (stopping || current.get(name) !== process) return
      const failed = performance.now() - startedAt > STEADY_AFTER ? 1 : failures + 1
      const wait = backOff(failed, FIRST_WAIT, LONGEST_WAIT)
      log.error({ process: name, pid, ...ended, again_in_ms: wait }, 'a process ended: starting it again')
      await Bun.sleep(wait)
      while (replaced.has(name)) await Bun.sleep(FIRST_WAIT)
      if (!stopping && current.get(name) === process) keep(launch(name), failed)
    })
  }

  async function replace(name: string) {
    replaced.add(name)
    try {
      const fresh = launch(name)
      try {
        await within(fresh.opened, READY_WITHIN, () => new Error(`${name} was not ready within ${READY_WITHIN / 1000} s`))
      } catch (error) {
        fresh.kill('SIGKILL')
        throw error
      }
      const old = current.get(name)!
      keep(fresh)
      dismiss(old)
    } finally {
      replaced.delete(name)
    }
  }

  /** It gets no new connections, answers on those that it has until their clients close them, and ends. */
  function dismiss(process: Process) {
    leaving.add(process)
    steer()
    process.send({ leave: true })
    void process.endWithin(LEAVE_WITHIN)
  }

  return {
    /** Starts all, the first replica alone. Rejects with Ended if one ends before it was ready: then all stop. */
    async start() {
      try {
        if (database) {
          const process = launch(DATABASE, true)
          await process.ready
          keep(process)
        }
        for (const some of [names.slice(0, 1), names.slice(1)])
          await Promise.all(
            some.map(async (name) => {
              const process = launch(name, name === names[0])
              await process.opened
              keep(process)
            }),
          )
      } catch (error) {
        await this.stop()
        throw error
      }
    },

    /** Replaces the replicas one by one. Rejects at the first that does not start: it and those after it stay as they were. */
    async reload(): Promise<number> {
      const left = [...running].filter((process) => current.get(process.name) !== process)
      await Promise.all(left.map(({ exited }) => exited)) // at most two of each name run
      for (const name of names) {
        if (stopping) throw new Error('the supervisor is stopping')
        await replace(name)
        log.info({ replica: name, pid: current.get(name)!.pid }, 'a replica was replaced')
      }
      return names.length
    },

    /** Drains the replicas, then ends the database. */
    async stop() {
      stopping = true
      const isDatabase = ({ name }: Process) => name === DATABASE
      const replicas = [...running].filter((process) => !isDatabase(process))
      for (const process of replicas) process.kill('SIGTERM')
      await Promise.all(replicas.map((process) => process.endWithin(STOP_WITHIN)))
      for (const process of [...running].filter(isDatabase)) {
        process.send({ end: true })
        await process.endWithin(DATABASE_WITHIN)
      }
    },
  }
}
