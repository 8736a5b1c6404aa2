// Keeps the worker of the embedded database running: replaces one that fails, or whose statement does not end.
import { rmdirSync, rmSync, statSync } from 'node:fs'
import { backOff } from '../base/back-off.ts'
import { workerFile } from '../base/executable.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'
import { keepExtensions } from './embedded-extensions.ts'
import { assertThere, type Failure, failureIn } from './embedded-failure.ts'
import type { Place } from './embedded-place.ts'
import type { FromWorker, ToWorker } from './embedded-worker.ts'

const STUCK_AFTER = 10_000
const PING_EVERY = 2_000
const START_WITHIN = 60_000
const LOOK_EVERY = 1_000
const STOP_WITHIN = 5_000
const AGAIN_AFTER = 100
const AGAIN_AT_LEAST_EVERY = 10_000 // an attempt takes half a second of one core

/** The embedded database did not start. */
export class StartFailed extends Error {
  override name = 'StartFailed'
  constructor(readonly failure: Failure) {
    super(`the embedded database does not start: ${failure.words} (${failure.said})`)
  }
}

/** Starts the worker. Throws if it does not start; with `keepTrying`, resolves at once, and retries. */
export async function supervise(place: Place, log: Log, keepTrying: boolean) {
  let stopping = false
  let patience = STUCK_AFTER
  let worker: Worker | undefined
  let trouble: string | undefined
  let answered = Date.now()
  let replacing = true // until it has started
  let attempt: ReturnType<typeof startWorker> | undefined
  const stopped = Promise.withResolvers<void>()

  async function start() {
    attempt = startWorker(place)
    watch(await attempt.started)
  }

  const begun = start().catch((error) => {
    if (!keepTrying) throw error
    void startAgain(error)
  })
  if (!keepTrying) await begun

  function watch(current: Worker) {
    worker = current
    replacing = false
    trouble = undefined
    answered = Date.now()
    current.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      answered = Date.now()
      if ('failed' in data) void replace(data.failed.words, data.failed.said)
    }
    current.addEventListener('close', () => current === worker && void replace('the worker ended'))
  }

  async function replace(reason: string, said?: string) {
    if (stopping || replacing) return
    replacing = true
    log.error({ reason, said }, 'restarting the embedded database')
    await worker?.terminate()
    await startAgain()
  }

  /** Retries until it starts; `first`: the first failure, if there was one. Logs each reason once. */
  async function startAgain(first?: unknown) {
    replacing = true
    let failed = first
    for (let failures = 1; !stopping; failures++) {
      if (failed) {
        const { words, said } = failed instanceof StartFailed ? failed.failure : failureIn([], failed)
        if (words !== trouble) log.error({ reason: words, said, folder: place.folder }, 'the embedded database does not start')
        trouble = words
        await waitAtMost(stopped.promise, backOff(failures, AGAIN_AFTER, AGAIN_AT_LEAST_EVERY))
        if (stopping) break
      }
      try {
        const before = trouble
        await start()
        if (before !== undefined) log.info('the embedded database has started')
        break
      } catch (error) {
        failed = error
      }
    }
  }

  const heartbeat = setInterval(() => {
    if (replacing) return
    if (Date.now() - answered > patience) void replace(`a statement has been running for more than ${patience / 1000} s`)
    else worker?.postMessage({ ping: Date.now() } satisfies ToWorker)
  }, PING_EVERY)

  return {
    /** Resolves when it has started or failed for the first time. */
    begun: Promise.race([begun, stopped.promise]),
    runs: () => !replacing,
    /** Why it does not run, in words; undefined while it runs or starts. */
    trouble: () => trouble,
    /** Runs `work` (a vacuum, a checkpoint), which may take long, with ten times the time limit. */
    async patient<T>(work: () => Promise<T>): Promise<T> {
      patience = STUCK_AFTER * 10
      try {
        return await work()
      } finally {
        answered = Date.now()
        patience = STUCK_AFTER
      }
    },
    async stop() {
      stopping = true
      clearInterval(heartbeat)
      stopped.resolve()
      if (worker && !replacing) await endInOrder(worker)
      await attempt?.worker.terminate()
    },
  }
}

/** The checkpoint at shutdown saves the next start a recovery. */
async function endInOrder(worker: Worker) {
  const ended = new Promise<void>((done) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => ('stopped' in data || 'failed' in data) && done()
    setTimeout(done, STOP_WITHIN).unref()
  })
  worker.postMessage({ stop: true } satisfies ToWorker)
  await ended
}

/** Removes a folder that PGlite created: the old one is to be put back by that name. An older empty folder may be a mount point. */
function removeEmpty(folder: string, madeSince: number) {
  try {
    if (statSync(folder).mtimeMs >= madeSince) rmdirSync(folder)
  } catch {} // it does not exist, or is not empty
}

function startWorker(place: Place): { worker: Worker; started: Promise<Worker> } {
  rmSync(place.socket, { force: true }) // left by a kill; we have the lock, so no server uses it
  const begun = Date.now()
  const worker = new Worker(workerFile('database/embedded-worker'))
  const started = new Promise<Worker>((done, fail) => {
    const give = async (failure: Failure) => {
      worker.onmessage = null // it may still become ready
      await worker.terminate()
      removeEmpty(place.folder, begun)
      fail(new StartFailed(failure))
    }
    const timer = setTimeout(() => give({ words: 'it did not answer within 60 s', said: 'nothing' }), START_WITHIN)
    // PostgreSQL can loop forever when its files are removed while it starts.
    const looks = setInterval(() => {
      try {
        assertThere(place.folder)
      } catch (error) {
        give(failureIn([], error))
      }
    }, LOOK_EVERY)
    worker.addEventListener('close', () => {
      clearTimeout(timer)
      clearInterval(looks)
    })
    worker.onerror = (event) => give(failureIn([], new Error(event.message)))
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      clearTimeout(timer)
      clearInterval(looks)
      if ('ready' in data) done(worker)
      else if ('failed' in data) give(data.failed)
    }
    const { folder, extensions, socket } = place
    keepExtensions(extensions).then(
      () => worker.postMessage({ start: { folder, extensions, socket } } satisfies ToWorker),
      (error) => give(failureIn([], error)),
    )
  })
  return { worker, started }
}
