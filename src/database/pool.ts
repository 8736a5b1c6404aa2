// A guarded pool of connections, to the writable one of the database's servers.
import type { Host } from '../config/database-url.ts'
import type { Log } from '../telemetry/logs.ts'
import type { DatabaseAddress, External } from './address.ts'
import type { PoolOptions } from './breaker.ts'
import { connect } from './connect.ts'
import { type Database, guard } from './guard.ts'
import { followServers } from './servers.ts'
import { isRefusedByPooler, learn, type Session, transactionIn } from './session.ts'

export type Pool = Database & {
  /** The current address: of several servers, the writable one. */
  place: () => DatabaseAddress
  /** Where a session can LISTEN; undefined if only a pooler is known, or for the embedded database, which has no other clients to hear from. */
  listening: () => Promise<DatabaseAddress | undefined>
}
/** Queries per connection that may wait before another is refused: at 0.3 ms each, 60 ms of waiting. */
const WAITING_PER_CONNECTION = 200

/** ms to find the server to listen to. */
const LISTENER_WITHIN = 3_000

/** Opens a pool to a database that runs already, or that runs once it has `begun`. `trouble` may know why it does not. */
export function openPool(
  address: DatabaseAddress,
  connections: number,
  log: Log,
  { begun, trouble }: Pick<PoolOptions, 'begun' | 'trouble'> = {},
): Pool {
  const limit = connections * WAITING_PER_CONNECTION
  if (address.kind === 'embedded') {
    const database = guard({ connect: () => connect(address, connections), begun, trouble }, limit, log)
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
