// The worker thread that runs the embedded PostgreSQL: PGlite behind a Unix socket. WebAssembly runs in this thread's event loop, so an unanswered
// {ping} means that a statement does not end.
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { openCluster } from './embedded-cluster.ts'
import { type Failure, failureIn } from './embedded-failure.ts'
import { wholeUnits } from './embedded-queue.ts'

declare const self: Worker & { postMessage(message: FromWorker): void }

export type ToWorker = { start: { folder: string; extensions: string; socket: string } } | { ping: number } | { stop: true }
export type FromWorker = { ready: true } | { pong: number } | { stopped: true } | { failed: Failure }

/** Maximum number of clients: of each replica its pool of one, its drain, and those being replaced; housekeeping, and a few commands. */
const MAX_CONNECTIONS = 400
const LINES_KEPT = 50

let stop = async () => {}
const said: string[] = [] // PostgreSQL's last log lines: its abort gives no reason

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  try {
    if ('start' in data) await start(data.start)
    else if ('ping' in data) self.postMessage({ pong: data.ping })
    else {
      await stop()
      self.postMessage({ stopped: true })
    }
  } catch (error) {
    fail(error)
  }
}

async function start({ folder, extensions, socket }: { folder: string; extensions: string; socket: string }) {
  const db = await openCluster(folder, extensions, remember)
  const server = new PGLiteSocketServer({ db: wholeUnits(db, fail), path: socket, maxConnections: MAX_CONNECTIONS })
  await server.start()
  stop = async () => {
    await server.stop()
    await db.exec('checkpoint')
    await db.close()
  }
  self.postMessage({ ready: true })
}

function remember(text: string) {
  said.push(text)
  if (said.length > LINES_KEPT) said.shift()
}

function fail(error: unknown) {
  self.postMessage({ failed: failureIn(said, error) })
}
