// What an error of a query means for the database and its connections.
import postgres from 'postgres'
import { hasState } from './sql-state.ts'

const codeOf = (error: unknown) => String((error as { code?: unknown })?.code ?? '')

// Codes of postgres.js and the system, and the SQLSTATEs of a server that stops, starts, is full, or is read-only after a failover.
const LOST = /^(CONNECT_TIMEOUT|CONNECTION_\w+|08\w{3}|57P0[1-5]|53300|25006|3D000|28\w{3})$/
const SOCKET_LOST =
  /^(ECONN\w+|EPIPE|ENOENT|EACCES|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|ETIMEDOUT|ERR_TLS\w+|ERR_SSL\w+|[A-Z_]*CERT[A-Z_]*)$/
/** The connection is unusable. System codes count only if postgres.js was running a query: file errors have them too. */
export const isConnectionError = (error: unknown) =>
  LOST.test(codeOf(error)) || (SOCKET_LOST.test(codeOf(error)) && Object.hasOwn(error as object, 'query'))

/**
 * Hides from postgres.js where the server raised an error. For two places it assumes that a statement only needs to be prepared again, and resends it
 * in between others in flight on the connection. Their answers then go to the wrong callers (observed: 404 for an existing link), and JSON is
 * encoded twice, because its parameters were serialized before.
 */
const raisedBy = new WeakMap<object, unknown>()
Object.defineProperty(postgres.PostgresError.prototype, 'routine', {
  set(this: object, routine: unknown) {
    raisedBy.set(this, routine)
  },
  get: () => undefined,
})

/** The server no longer has the plan: a pooler switched servers, or an upgrade changed the table. */
export const isStalePlan = (error: unknown) =>
  hasState(error, 'invalid_sql_statement_name') ||
  (hasState(error, 'feature_not_supported') && raisedBy.get(error as object) === 'RevalidateCachedQuery')

/** Cancelled by a server time-out, deadlocked, or out of a resource: worth a retry by the client. */
export const isPassing = (error: unknown) => /^(57014|40001|40P01|55P03|53\w{3}|58030)$/.test(codeOf(error))

/** The server sent it, so the connection works. */
export const isFromServer = (error: unknown) => error instanceof postgres.PostgresError
