// The database that Waypost brings along: PGlite in a worker thread, under DATA_DIR, spoken to over a Unix socket there.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import pgTrgm from '../../node_modules/@electric-sql/pglite/dist/pg_trgm.tar.gz' with { type: 'file' }
import { entryPoint, workerFile } from '../executable.ts'
import { tryLock } from '../lock.ts'
import type { Log } from '../telemetry/logs.ts'
import { keepHouse } from './embedded-housekeeping.ts'
import type { FromWorker, ToWorker } from './embedded-worker.ts'

/** The cluster's folder in DATA_DIR, named by PostgreSQL's major version: another one cannot open it. */
export const CLUSTER = 'pg18'

export type Embedded = { socketFolder: string; stop: () => Promise<void> }

const STUCK_AFTER = 10_000
const PING_EVERY = 2_000
const START_WITHIN = 60_000

/**
 * Starts the embedded database of `dataDir` and keeps it alive: a worker that died, or whose statement has not ended for 10 s,
 * is replaced (its data survive, as after kill -9). Throws DataDirInUse when another process has it.
 */
export async function startEmbedded(dataDir: string, log: Log): Promise<Embedded> {
  const place = placeOf(dataDir)
  const unlock = ownEmbedded(dataDir)
  try {
    refuseOtherVersion(place)
    await Bun.write(place.extensions, Bun.file(pgTrgm)) // copyFile does not see into the executable
    if (!existsSync(join(place.folder, 'PG_VERSION'))) await makeCluster(place.folder)
    const supervised = await supervise(place, log)
    const stopHousekeeping = keepHouse(() => connectTo(place.socketFolder), log, supervised.patient)
    return {
      socketFolder: place.socketFolder,
      async stop() {
        await stopHousekeeping()
        await supervised.stop()
        rmSync(place.socket, { force: true })
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Keeps everybody else off the embedded database of `dataDir`; returns the way to end it. Throws DataDirInUse. */
export function ownEmbedded(dataDir: string): () => void {
  const place = placeOf(dataDir)
  mkdirSync(place.socketFolder, { recursive: true, mode: 0o700 })
  chmodSync(place.socketFolder, 0o700) // the socket has no password: its folder is the lock
  const unlock = tryLock(place.lock)
  if (!unlock) throw new DataDirInUse(`another waypost is using ${place.dataDir}: stop it, or set another DATA_DIR`)
  return unlock
}

/** The folder of the socket where a running server serves `dataDir`, or undefined when none does. */
export function runningEmbedded(dataDir: string): string | undefined {
  const { socketFolder, socket } = placeOf(dataDir)
  return existsSync(socket) ? socketFolder : undefined
}

export class DataDirInUse extends Error {
  override name = 'DataDirInUse'
}

type Place = { folder: string; socketFolder: string; socket: string; extensions: string; lock: string; dataDir: string }

function placeOf(dataDir: string): Place {
  const root = resolve(dataDir)
  const socketFolder = join(root, 'socket')
  const socket = join(socketFolder, '.s.PGSQL.5432')
  if (Buffer.byteLength(socket) > 100)
    throw new Error(`DATA_DIR is too long for a Unix socket (${root}): use a path of at most 75 characters`)
  return {
    dataDir: root,
    folder: join(root, CLUSTER),
    socketFolder,
    socket,
    extensions: join(root, 'pg_trgm.tar.gz'),
    lock: join(root, 'lock.sqlite'),
  }
}

function refuseOtherVersion({ folder, dataDir }: Place) {
  const file = join(folder, 'PG_VERSION')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : '18'
  if (version !== '18')
    throw new Error(
      `${folder} was made by PostgreSQL ${version} and this release brings 18. Type, with the old release: waypost backup waypost.backup --data-dir ${dataDir}; then, with this one and an empty DATA_DIR: waypost restore waypost.backup`,
    )
}

/** initdb leaves 1 GB of memory behind, so a child process does it. */
async function makeCluster(folder: string) {
  const child = Bun.spawn([...entryPoint(), 'initdb', folder], { stdout: 'ignore', stderr: 'pipe' })
  const timer = setTimeout(() => child.kill(9), START_WITHIN)
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()])
  clearTimeout(timer)
  if (code !== 0) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`the embedded database could not be made in ${folder}: ${errors.trim().split('\n').at(-1) || `exit ${code}`}`)
  }
}

async function supervise(place: Place, log: Log) {
  let stopping = false
  let patience = STUCK_AFTER
  let worker = await startWorker(place)
  let answered = Date.now()
  watch(worker)

  function watch(current: Worker) {
    current.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      answered = Date.now()
      if ('failed' in data) void replace(`it failed: ${data.failed}`)
    }
    current.addEventListener('close', () => current === worker && void replace('it ended'))
  }

  let replacing = false
  async function replace(reason: string) {
    if (stopping || replacing) return
    replacing = true
    log.error({ reason }, 'the embedded database is restarted')
    const old = worker
    await old.terminate()
    for (let delay = 100; !stopping; delay = Math.min(delay * 2, 5_000)) {
      try {
        worker = await startWorker(place)
        answered = Date.now()
        watch(worker)
        break
      } catch (error) {
        log.error({ err: error }, 'the embedded database did not start')
        await Bun.sleep(delay)
      }
    }
    replacing = false
  }

  const heartbeat = setInterval(() => {
    if (replacing) return
    if (Date.now() - answered > patience) void replace(`a statement has not ended for ${patience / 1000} s`)
    else worker.postMessage({ ping: Date.now() } satisfies ToWorker)
  }, PING_EVERY)

  return {
    /** Runs `work` (a vacuum, a checkpoint) with ten times the patience: it is meant to take long. */
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
      const stopped = new Promise<void>((done) => {
        worker.onmessage = ({ data }: MessageEvent<FromWorker>) => ('stopped' in data || 'failed' in data) && done()
        setTimeout(done, 5_000).unref()
      })
      worker.postMessage({ stop: true } satisfies ToWorker)
      await stopped
      await worker.terminate()
    },
  }
}

function startWorker(place: Place): Promise<Worker> {
  rmSync(place.socket, { force: true }) // left by a kill; the lock says that nobody serves it
  const worker = new Worker(workerFile('database/embedded-worker'))
  return new Promise((done, fail) => {
    const give = (error: Error) => {
      worker.terminate()
      fail(error)
    }
    const timer = setTimeout(() => give(new Error('the embedded database did not answer within 60 s')), START_WITHIN)
    worker.onerror = (event) => give(new Error(event.message))
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      clearTimeout(timer)
      if ('ready' in data) done(worker)
      else if ('failed' in data) give(new Error(data.failed))
    }
    const { folder, extensions, socket } = place
    worker.postMessage({ start: { folder, extensions, socket } } satisfies ToWorker)
  })
}

const connectTo = (socketFolder: string) =>
  postgres({ host: socketFolder, database: 'postgres', username: 'postgres', max: 1, fetch_types: false, onnotice: () => {} })
