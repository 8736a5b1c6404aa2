// Connects to the database with postgres.js. Workers load this file, so it imports little: each module delays the start.
import postgres from 'postgres'
import type { DatabaseAddress } from './address.ts'
import { DatabaseUnreachable } from './database-unreachable.ts'
import type { Sql } from './guard.ts'
import { startOf } from './session.ts'
import { isoTime, unread } from './time.ts'
import { tlsOptions } from './tls.ts'

/** Seconds of silence before keep-alive probes; the system gives up after ten more. */
const KEEP_ALIVE = 10

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
