import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { type Config, isExternal } from '../config/config.ts'
import type { Host } from '../config/database-url.ts'
import { type DatabaseUrl, hostsOf, readDatabaseUrl } from '../config/database-url.ts'
import type { Log } from '../telemetry/logs.ts'
import { DatabaseUnreachable } from './database-unreachable.ts'
import { startEmbedded } from './embedded.ts'
import { DataDirInUse, runningEmbedded } from './embedded-place.ts'
import { type Database, guard, type Sql } from './guard.ts'
import { followServers } from './servers.ts'
import { isRefusedByPooler, learn, newSession, type Session, startOf, transactionIn } from './session.ts'
import { isoTime, unread } from './time.ts'
import { tlsOptions } from './tls.ts'

/** A database's address, as plain data that can be sent to a worker. */
export type DatabaseAddress = External | { kind: 'embedded'; socketFolder: string }

type External = DatabaseUrl & {
  kind: 'external'
  /** The file that keeps the followed timeline, if there are several hosts. */
  followed: string | undefined
  session: Session
  /** DATABASE_DIRECT_URL: the way to full sessions past a pooler. */
  direct: External | undefined
}

export type Pool = Database & {
  /** The current address: of several servers, the writable one. */
  place: () => DatabaseAddress
  /** Where a session can LISTEN; undefined if only a pooler is known, or for the embedded database, which has no other clients to hear from. */
  listening: () => Promise<DatabaseAddress | undefined>
}
/** `joined`: another process serves it, and this one is its client. */
export type OpenDatabase = Pool & { address: DatabaseAddress; joined?: boolean }

/** Seconds of silence before keep-alive probes; the system gives up after ten more. */
const KEEP_ALIVE = 10

/** Queries per connection that may wait before another is refused: at 0.3 ms each, 60 ms of waiting. */
const WAITING_PER_CONNECTION = 200

/** ms to find the server to listen to. */
const LISTENER_WITHIN = 3_000

/**
 * Opens the database that the settings name, external or embedded. With `join`, a command uses the socket of a server that runs on the same DATA_DIR.
 * With `keepTrying`, an embedded database that does not start counts as unreachable instead of throwing. `close` of the result also stops the embedded
 * database.
 */
export async function openDatabase(config: Config, log: Log, { join = false, keepTrying = false } = {}): Promise<OpenDatabase> {
  if (isExternal(config)) {
    const address = externalAddress(config)
    if (address.ignored.length > 0)
      log.info({ parameters: address.ignored }, 'parameters of DATABASE_URL are ignored: they have no effect here')
    return { ...openPool(address, config.DATABASE_POOL, log), address }
  }
  const { initEmpty } = config
  const embedded = await startEmbedded(config.DATA_DIR, log, { initEmpty, keepTrying }).catch((error) => {
    const socketFolder = join && error instanceof DataDirInUse ? runningEmbedded(config.DATA_DIR) : undefined
    if (!socketFolder) throw error
    return { socketFolder, trouble: () => undefined, stop: async () => {}, joined: true }
  })
  const address: DatabaseAddress = { kind: 'embedded', socketFolder: embedded.socketFolder }
  const database = openPool(address, 5, log, embedded.trouble)
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

/** A guarded pool of connections to a database that runs already. `trouble` may know why it does not. */
export function openPool(address: DatabaseAddress, connections: number, log: Log, trouble?: () => string | undefined): Pool {
  const limit = connections * WAITING_PER_CONNECTION
  if (address.kind === 'embedded') {
    const database = guard({ connect: () => connect(address, connections), trouble }, limit, log)
    return { ...database, place: () => address, listening: async () => undefined }
  }
  let { session } = address
  let opened = session
  const at = (host: Host) => ({ ...address, session, hosts: [host] })
  const probe = (one: External) => connect(one, 1, { fetch_types: false })
  const servers = followServers(
    address.hosts,
    (host) => probe(at(host)),
    log,
    address.followed,
    (error) => !session.pooled && isRefusedByPooler(error) && learnt({ ...session, pooled: true }),
  )
  const place = () => at(servers.current())
  const { direct } = address
  const directServers = direct && followServers(direct.hosts, (host) => probe({ ...direct, hosts: [host] }), log)

  function learnt(now: Session): true {
    if (now.pooled && !session.pooled)
      log.info('the database is behind a pooler: session settings are applied in each transaction')
    session = now
    return true
  }
  const database = guard(
    {
      connect() {
        opened = session
        return connect(place(), connections)
      },
      connections,
      servers,
      firstAnswerWithin: (address.connectWithin ?? 0) * 1000,
      async learn(sql) {
        if (opened !== session) return true // learnt during the search for the primary
        const now = await learn(sql, session)
        return now !== undefined && learnt(now)
      },
      transaction: (sql, work) => transactionIn(sql, session, address.settings, work),
      pooled: () => session.pooled,
    },
    limit,
    log,
  )
  return {
    ...database,
    place,
    async listening() {
      if (!direct || !directServers) return session.pooled ? undefined : place()
      await directServers.find(LISTENER_WITHIN).catch(() => false) // then the last known one is tried
      return { ...direct, hosts: [directServers.current()] }
    },
  }
}

type Options = postgres.Options<Record<never, never>>

/** A separate, unguarded pool, for callers that need a session, such as LISTEN. */
export function connect(address: DatabaseAddress, connections: number, more: Options = {}): Sql {
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
  const { hosts, name, user, password, tls, session, settings, options: words } = address
  const { host, port } = hosts[0]!
  const server = host.startsWith('/') ? { host, port } : { host: [host], port: [port] } // postgres.js splits a string at its colons
  const options = {
    ...common,
    ...server,
    ...more,
    max: connections,
    connect_timeout: Math.max(3, address.connectWithin ?? 0),
    keep_alive: address.keepAlive ?? KEEP_ALIVE,
    prepare: !session.pooled,
    ssl: tls ? tlsOptions(tls, host) : false,
    sslnegotiation: tls?.direct ? 'direct' : null,
    onnotice: refuseHalfCommitted,
    connection: {
      application_name: address.applicationName ?? 'waypost',
      ...startOf(session, settings),
      ...(words && { options: words }),
    },
  }
  return postgres({ ...options, database: name, username: user, password } as never) as Sql
}

/**
 * PostgreSQL reports a commit as done, with a warning, if its wait for a synchronous standby is cancelled by statement_timeout or an operator. The
 * standby may lack it, and a failover would lose it, so the caller gets an error.
 */
function refuseHalfCommitted({ routine }: postgres.Notice) {
  if (routine === 'SyncRepWaitForLSN') throw new DatabaseUnreachable('the standby did not confirm the change')
}

/** The address of the external PostgreSQL that the settings name. */
export function externalAddress(
  config: Partial<Pick<Config, `DATABASE_${'URL' | 'DIRECT_URL' | 'HOST' | 'PORT' | 'NAME' | 'USER' | 'PASSWORD'}` | 'DATA_DIR'>>,
): External {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: direct } = config
  const ports = config.DATABASE_PORT === undefined ? '' : String(config.DATABASE_PORT)
  const named = url === undefined ? undefined : readDatabaseUrl(url)
  const at = (read: DatabaseUrl): External => ({
    ...read,
    kind: 'external',
    password: read.password ?? config.DATABASE_PASSWORD,
    session: newSession(read.pooled),
    followed: undefined,
    direct: undefined,
  })
  const { hosts, ...found } = at(
    named ?? {
      hosts: hostsOf(config.DATABASE_HOST ?? 'localhost', ports),
      name: config.DATABASE_NAME ?? 'waypost',
      user: config.DATABASE_USER ?? 'postgres',
      settings: {},
      pooled: false,
      ignored: [],
    },
  )
  return {
    ...found,
    hosts,
    followed: hosts.length > 1 && config.DATA_DIR ? join(resolve(config.DATA_DIR), 'primary.json') : undefined,
    direct: direct === undefined ? undefined : at(readDatabaseUrl(direct)),
  }
}

const common = {
  backoff: () => 0.1, // the guard backs off, not the pool
  onnotice: () => {},
  types: {
    bigint: { to: 20, from: [20], parse: Number, serialize: String }, // ids stay under 2^53
    time: {
      to: 1184,
      from: [1184],
      parse: isoTime,
      serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
    },
    date: { to: 1082, from: [1082, 1083, 1114, 1186, 1266], parse: unread, serialize: String },
  },
}
