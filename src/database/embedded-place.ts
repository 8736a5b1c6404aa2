// The paths of the embedded database in DATA_DIR, and the lock that restricts it to one process.
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join, resolve } from 'node:path'
import { tryLockFolder } from '../base/lock.ts'
import { settleExchange } from './embedded-exchange.ts'
import { CLUSTER } from './embedded-files.ts'

export type Place = { folder: string; socketFolder: string; socket: string; extensions: string; dataDir: string }

export class DataDirInUse extends Error {
  override name = 'DataDirInUse'
}

const ANSWERS_WITHIN = 2_000

export function placeOf(dataDir: string): Place {
  const root = resolve(dataDir)
  const socketFolder = join(root, 'socket')
  const socket = join(socketFolder, '.s.PGSQL.5432')
  if (Buffer.byteLength(socket) > 100)
    throw new Error(`DATA_DIR is too long for a Unix socket (${root}): use a path of at most 75 characters`)
  return { dataDir: root, folder: join(root, CLUSTER), socketFolder, socket, extensions: join(root, 'pg_trgm.tar.gz') }
}

/**
 * Locks the embedded database of `dataDir`, and completes or undoes a restore that was killed; returns how to unlock. Throws DataDirInUse, also if a
 * server answers at the socket, whatever became of its lock.
 */
export async function ownEmbedded(dataDir: string): Promise<() => void> {
  const place = placeOf(dataDir)
  mkdirSync(place.socketFolder, { recursive: true, mode: 0o700 })
  chmodSync(place.socketFolder, 0o700) // the socket has no password: its folder is the lock
  const inUse = () => new DataDirInUse(`another waypost is using ${place.dataDir}: stop it, or set another DATA_DIR`)
  const unlock = tryLockFolder(place.dataDir)
  if (!unlock) throw inUse()
  try {
    if (await isServed(place.socket)) throw inUse()
    settleExchange(place.dataDir)
    return unlock
  } catch (error) {
    unlock()
    throw error
  }
}

/** The folder of the socket where a running server serves `dataDir`; undefined if none does. */
export function runningEmbedded(dataDir: string): string | undefined {
  const { socketFolder, socket } = placeOf(dataDir)
  return existsSync(socket) ? socketFolder : undefined
}

/** Whether a process listens at `socket`; one left by a kill refuses connections. */
function isServed(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return Promise.resolve(false)
  return new Promise((done) => {
    const client = createConnection(socket)
    const end = (served: boolean) => {
      clearTimeout(timer)
      client.destroy()
      done(served)
    }
    const timer = setTimeout(() => end(true), ANSWERS_WITHIN) // a process listens, but is busy
    client.once('connect', () => end(true))
    client.once('error', () => end(false))
  })
}
