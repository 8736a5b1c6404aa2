import type { PGlite } from '@electric-sql/pglite'

/**
 * The view of `db` for the socket server: one connection keeps the backend until its unit of messages is complete.
 *
 * The server queues single protocol messages, and stays with a connection only while a transaction is open. Another client's Bind between the Bind and
 * the Execute of one client would replace the (unnamed) portal, and each would get the other's rows. So this also reports "in transaction" from the
 * first message of an extended query to its Sync. `failed` is called when the backend died: the server's queue then hangs, so the worker must be
 * replaced. A PANIC (a checkpoint on a full disk) is such a death, although PGlite only passes it on: no later message gets an answer.
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
    execProtocolRawStream: async (message: Uint8Array, options: Options) => {
      open = !endsUnit(message)
      const onRawData = (data: Uint8Array) => {
        const panic = panicIn(data)
        if (panic) failed(new Error(panic))
        options.onRawData(data)
      }
      try {
        await db.execProtocolRawStream(message, { ...options, onRawData })
      } catch (error) {
        failed(error)
        throw error
      }
    },
  }
  return view as unknown as PGlite
}

type Options = Parameters<PGlite['execProtocolRawStream']>[1]

const ERROR = 'E'.charCodeAt(0)

/** The message of an ErrorResponse with severity PANIC; undefined for every other response. */
function panicIn(data: Uint8Array): string | undefined {
  if (data[0] !== ERROR) return undefined
  const fields = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8', 5).split('\0')
  return fields.includes('VPANIC') ? fields.find((field) => field.startsWith('M'))?.slice(1) : undefined
}

const START_UP = 0
const UNIT_ENDS = new Set([START_UP, ...['Q', 'S', 'F', 'X'].map((type) => type.charCodeAt(0))]) // Query, Sync, FunctionCall, Terminate
const endsUnit = (message: Uint8Array) => UNIT_ENDS.has(message[0] ?? START_UP)
