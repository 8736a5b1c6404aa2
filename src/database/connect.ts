import postgres from 'postgres'
import { type Config, isExternal } from '../config.ts'
import type { Log } from '../telemetry/logs.ts'
import { DataDirInUse, runningEmbedded, startEmbedded } from './embedded.ts'
import { type Database, guard, type Sql } from './guard.ts'

/** Where a database is, in a form that a worker can be told. */
export type Address =
  | {
      kind: 'external'
      url: string | undefined
      host: string
      port: number
      name: string
      user: string
      password: string | undefined
    }
  | { kind: 'embedded'; socketFolder: string }

/** `joined`: it is a server's, and this process only a guest. */
export type OpenDatabase = Database & { address: Address; joined?: boolean }

/** What a queue may hold for each connection before one more query is refused: at 0.3 ms a query, 60 ms of waiting. */
const WAITING_PER_CONNECTION = 200

/**
 * Opens the database that the settings name: the PostgreSQL outside, or the embedded one. `join` lets a command work through the
 * socket of a server that is running on the same DATA_DIR. `close` of the result ends the embedded one too.
 */
export async function openDatabase(config: Config, log: Log, { join = false } = {}): Promise<OpenDatabase> {
  if (isExternal(config)) {
    const address = outside(config)
    return { ...openPool(address, config.DATABASE_POOL, log), address }
  }
  const embedded = await startEmbedded(config.DATA_DIR, log).catch((error) => {
    const socketFolder = join && error instanceof DataDirInUse ? runningEmbedded(config.DATA_DIR) : undefined
    if (!socketFolder) throw error
    return { socketFolder, stop: async () => {}, joined: true }
  })
  const address: Address = { kind: 'embedded', socketFolder: embedded.socketFolder }
  const database = openPool(address, 5, log)
  return {
    ...database,
    address,
    joined: 'joined' in embedded,
    async close() {
      await database.close()
      await embedded.stop()
    },
  }
}

/** A guarded pool of connections to a database that is served already. */
export const openPool = (address: Address, connections: number, log: Log): Database =>
  guard(() => connect(address, connections), connections * WAITING_PER_CONNECTION, log, address.kind === 'embedded')

/** A pool of its own for who needs a session, LISTEN for one; unguarded. */
export function connect(address: Address, connections: number): Sql {
  if (address.kind === 'embedded') {
    // One connection: there is one backend, and queries on it are pipelined.
    return postgres({
      ...common,
      host: address.socketFolder,
      database: 'postgres',
      username: 'postgres',
      max: 1,
      connect_timeout: 3,
    }) as Sql
  }
  const { url, host, port, name, user, password } = address
  const options = {
    ...common,
    max: connections,
    connect_timeout: 3,
    connection: {
      application_name: 'waypost',
      TimeZone: 'UTC',
      statement_timeout: 10_000,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: 30_000,
    },
  }
  if (url) return postgres(url, options) as Sql
  return postgres({ ...options, host, port, database: name, username: user, password }) as Sql
}

function outside(config: Config): Address {
  return {
    kind: 'external',
    url: config.DATABASE_URL,
    host: config.DATABASE_HOST ?? 'localhost',
    port: config.DATABASE_PORT ?? 5432,
    name: config.DATABASE_NAME ?? 'waypost',
    user: config.DATABASE_USER ?? 'postgres',
    password: config.DATABASE_PASSWORD,
  }
}

const common = {
  backoff: () => 0.1, // the guard waits, not the pool
  onnotice: () => {},
  types: {
    bigint: { to: 20, from: [20], parse: Number, serialize: String }, // ids stay under 2^53
    time: {
      to: 1184,
      from: [1184],
      parse: isoTime,
      serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
    },
  },
}

/** `2025-09-19 22:25:05.12+00`, as PostgreSQL writes it in UTC -> `2025-09-19T22:25:05.12Z`. */
function isoTime(text: string): string {
  return text.endsWith('+00') ? `${text.slice(0, 10)}T${text.slice(11, -3)}Z` : new Date(text).toISOString()
}
