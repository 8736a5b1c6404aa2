import postgres from 'postgres'
import { type Config, isExternal } from '../config.ts'
import type { Log } from '../telemetry/logs.ts'
import { DataDirInUse, runningEmbedded, startEmbedded } from './embedded.ts'
import { type Database, guard, type Sql } from './guard.ts'

/** What a server's queue may hold for each connection before one more query is refused: at 0.3 ms a query, 60 ms of waiting. */
const WAITING_PER_CONNECTION = 200

/**
 * Opens the database that the settings name: the PostgreSQL outside, or the embedded one. `join` lets a command work through the
 * socket of a server that is running on the same DATA_DIR. `close` of the result ends the embedded one too.
 */
export async function openDatabase(
  config: Config,
  log: Log,
  { join = false } = {},
): Promise<Database & { kind: 'external' | 'embedded' }> {
  if (isExternal(config)) {
    const database = guard(() => connectOutside(config), config.DATABASE_POOL * WAITING_PER_CONNECTION, log)
    return { ...database, kind: 'external' }
  }
  const embedded = await startEmbedded(config.DATA_DIR, log).catch((error) => {
    const socketFolder = join && error instanceof DataDirInUse ? runningEmbedded(config.DATA_DIR) : undefined
    if (!socketFolder) throw error
    return { socketFolder, stop: async () => {} }
  })
  const database = guard(() => connectInside(embedded.socketFolder), 5 * WAITING_PER_CONNECTION, log, true)
  return {
    ...database,
    kind: 'embedded',
    async close() {
      await database.close()
      await embedded.stop()
    },
  }
}

function connectOutside(config: Config): Sql {
  const options = {
    ...common,
    max: config.DATABASE_POOL,
    connect_timeout: 3,
    connection: {
      application_name: 'waypost',
      TimeZone: 'UTC',
      statement_timeout: 10_000,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: 30_000,
    },
  }
  if (config.DATABASE_URL) return postgres(config.DATABASE_URL, options) as Sql
  return postgres({
    ...options,
    host: config.DATABASE_HOST ?? 'localhost',
    port: config.DATABASE_PORT ?? 5432,
    database: config.DATABASE_NAME ?? 'waypost',
    username: config.DATABASE_USER ?? 'postgres',
    password: config.DATABASE_PASSWORD,
  }) as Sql
}

/** One connection: there is one backend, and queries on it are pipelined. */
function connectInside(socketFolder: string): Sql {
  return postgres({
    ...common,
    host: socketFolder,
    database: 'postgres',
    username: 'postgres',
    max: 1,
    connect_timeout: 3,
  }) as Sql
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
