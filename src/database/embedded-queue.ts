import type { PGlite } from '@electric-sql/pglite'

/**
 * The view of `db` that the socket server gets: one connection keeps the backend until its unit of messages is whole.
 *
 * The server queues single protocol messages and lets a connection go on only while a transaction is open. Between the Bind
 * and the Execute of one client another client's Bind would replace the (unnamed) portal, and each would get the other's rows.
 * So "in transaction" is also said between the first message of an extended query and its Sync. `failed` is called when the
 * backend itself died: the server's queue never goes on after that, so the worker has to be replaced.
 */
export function wholeUnits(db: PGlite, failed: (error: unknown) => void): PGlite {
  let open = false
  const view = {
    waitReady: db.waitReady,
    isInTransaction: () => open || db.isInTransaction(),
    runExclusive: <T>(work: () => Promise<T>) => db.runExclusive(work),
    exec: (sql: string) => {
      open = false
      return db.exec(sql)
    },
    execProtocolRawStream: async (message: Uint8Array, options: Parameters<PGlite['execProtocolRawStream']>[1]) => {
      open = !endsUnit(message)
      try {
        await db.execProtocolRawStream(message, options)
      } catch (error) {
        failed(error)
        throw error
      }
    },
  }
  return view as unknown as PGlite
}

const START_UP = 0
const UNIT_ENDS = new Set([START_UP, ...['Q', 'S', 'F', 'X'].map((type) => type.charCodeAt(0))]) // Query, Sync, FunctionCall, Terminate
const endsUnit = (message: Uint8Array) => UNIT_ENDS.has(message[0] ?? START_UP)
