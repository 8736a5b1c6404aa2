import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { type Config, isExternal } from '../config.ts'
import type { Log } from '../telemetry/logs.ts'
import { DataDirInUse, runningEmbedded, startEmbedded } from './embedded.ts'
import { type Database, DatabaseAway, guard, type Sql } from './guard.ts'
import { followServers, type Host } from './servers.ts'
import { hostsOf, readDatabaseUrl } from './url.ts'

/** Where a database is, in a form that a worker can be told. */
export type Address =
  | {
      kind: 'external'
      /** Of one server; `hosts` stand before what it says. */
      url: string | undefined
      hosts: Host[]
      /** Where the timeline is kept that is followed, where there are several hosts. */
      followed: string | undefined
      name: string
      user: string
      password: string | undefined
    }
  | { kind: 'embedded'; socketFolder: string }

export type Pool = Database & {
  /** Where the database is now: of several servers the one that takes writes. */
  place: () => Address
}
/** `joined`: it is a server's, and this process only a guest. */
export type OpenDatabase = Pool & { address: Address; joined?: boolean }

/** Seconds of silence after which the system asks whether the other end is there; it gives up after ten more. */
const KEEP_ALIVE = 10

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
export function openPool(address: Address, connections: number, log: Log): Pool {
  const limit = connections * WAITING_PER_CONNECTION
  if (address.kind === 'embedded') {
    const database = guard({ connect: () => connect(address, connections) }, limit, log)
    return { ...database, place: () => address }
  }
  const at = (host: Host): Address => ({ ...address, hosts: [host] })
  const servers = followServers(address.hosts, (host) => connect(at(host), 1, { fetch_types: false }), log, address.followed)
  const place = () => at(servers.current())
  return { ...guard({ connect: () => connect(place(), connections), connections, servers }, limit, log), place }
}

type Options = postgres.Options<Record<never, never>>

/** A pool of its own for who needs a session, LISTEN for one; unguarded. */
export function connect(address: Address, connections: number, more: Options = {}): Sql {
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
  const { url, hosts, name, user, password } = address
  const { host, port } = hosts[0]!
  const server = host.startsWith('/') ? { host, port } : { host: [host], port: [port] } // postgres.js takes a text apart at its colons
  const options = {
    ...common,
    ...server,
    ...more,
    max: connections,
    connect_timeout: 3,
    keep_alive: KEEP_ALIVE,
    onnotice: refuseHalfCommitted,
    connection: {
      application_name: 'waypost',
      TimeZone: 'UTC',
      statement_timeout: 10_000,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: 30_000,
    },
  }
  if (url) return postgres(url, options as Options) as Sql
  return postgres({ ...options, database: name, username: user, password } as Options) as Sql
}

/**
 * A commit that waits for a synchronous standby and is cancelled, by statement_timeout or by a hand, is answered as done, with a warning that
 * the standby may lack it. An acknowledged write must not go with the primary: what is thrown here is what its caller gets.
 */
function refuseHalfCommitted({ routine }: postgres.Notice) {
  if (routine === 'SyncRepWaitForLSN') throw new DatabaseAway('the standby did not confirm the change')
}

/** The PostgreSQL outside that the settings name. */
export function outside(
  config: Partial<Pick<Config, `DATABASE_${'URL' | 'HOST' | 'PORT' | 'NAME' | 'USER' | 'PASSWORD'}` | 'DATA_DIR'>>,
): Address {
  const named = config.DATABASE_URL === undefined ? undefined : readDatabaseUrl(config.DATABASE_URL)
  const ports = config.DATABASE_PORT === undefined ? '' : String(config.DATABASE_PORT)
  const hosts = named?.hosts ?? hostsOf(config.DATABASE_HOST ?? 'localhost', ports)
  return {
    kind: 'external',
    url: named?.url,
    hosts,
    followed: hosts.length > 1 && config.DATA_DIR ? join(resolve(config.DATA_DIR), 'primary.json') : undefined,
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
