// What an error of a query says about the database.
import postgres from 'postgres'

const codeOf = (error: unknown) => String((error as { code?: unknown })?.code ?? '')

// postgres.js's own, the system's, and the SQLSTATEs of a server that is going, coming, full or read-only after a failover.
const LOST =
  /^(CONNECT_TIMEOUT|CONNECTION_\w+|ECONN\w+|EPIPE|ENOENT|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|ETIMEDOUT|08\w{3}|57P0[1-5]|53300|25006|3D000|28\w{3})$/
/** The connection is of no use any more. */
export const isConnectionError = (error: unknown) => LOST.test(codeOf(error))

/**
 * Keeps from postgres.js where in the server an error was raised: of two such places it takes it that a statement only has to be prepared anew,
 * and sends it again by itself, between others that are under way on the connection, whose answers are then given to the wrong callers (tried:
 * 404 for a link that is there), and with JSON in JSON, because its parameters were made into text before.
 */
const raisedBy = new WeakMap<object, unknown>()
Object.defineProperty(postgres.PostgresError.prototype, 'routine', {
  set(this: object, routine: unknown) {
    raisedBy.set(this, routine)
  },
  get: () => undefined,
})

/** A plan that the server does not have any more: a pooler's other server, or a table that an upgrade changed. */
export const isStalePlan = (error: unknown) =>
  codeOf(error) === '26000' || (codeOf(error) === '0A000' && raisedBy.get(error as object) === 'RevalidateCachedQuery')

/** Cancelled by the server's own time-out, deadlocked, out of a resource: worth another try by the client. */
export const isPassing = (error: unknown) => /^(57014|40001|40P01|55P03|53\w{3}|58030)$/.test(codeOf(error))

/** The server said so: the connection lives. */
export const isFromServer = (error: unknown) => error instanceof postgres.PostgresError
