// Finds the writable one among a database's servers; ignores standbys, and old primaries that a failover left behind.
import { within } from '../base/time-limit.ts'
import type { Host } from '../config/database-url.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Sql } from './guard.ts'
import { hasState, SQL_STATE } from './sql-state.ts'
import { type Followed, followedFile } from './timeline.ts'

export type Servers = {
  /** The followed server. */
  current: () => Host
  several: boolean
  /** Searches all of them for the writable one and follows it: true if it changed. Each has `ms` to answer. Throws NoPrimary. */
  find: (ms: number) => Promise<boolean>
}

/** No server accepts writes now; `message` gives the reason for each. */
export class NoPrimary extends Error {
  override name = 'NoPrimary'
  /** One of them runs but has no free connection: existing connections should be kept. */
  full = false
}

/** ms after which a read-only server is asked again while others are awaited: it may be promoted any moment. */
const AGAIN_AFTER = 500
/** ms that the others get once one is found: a frozen one must not delay a failover, nor may an old primary win because it is nearer. */
const OTHERS_WITHIN = 250

type ServerState = Followed & { standby: boolean; writable: boolean }
type Candidate = { index: number; standing: ServerState }

/**
 * Of several writable servers the highest timeline wins: each promotion starts a new one, so an old primary that comes back is not written to. It is
 * not followed even if the newer one is down: acknowledged changes would be missing there. The timeline is kept in `file` for later processes.
 * `again` tells whether an error calls for asking the same server again at once.
 */
export function followServers(
  hosts: Host[],
  connect: (host: Host) => Sql,
  log: Log,
  file?: string,
  again: (error: unknown) => boolean = () => false,
): Servers {
  let current = 0
  let known: Followed | undefined
  let isKept = false
  const kept = file === undefined ? undefined : followedFile(file, log)

  async function ask(index: number, ms: number): Promise<ServerState> {
    const sql = connect(hosts[index]!)
    try {
      const [row] = await within(standingOf(sql), ms)
      return row!
    } finally {
      void sql.end({ timeout: 0 }).catch(() => {})
    }
  }

  const isBehind = ({ system, timeline }: ServerState) =>
    known !== undefined && system === known.system && timeline < known.timeline

  const leftBehind = ({ timeline }: ServerState) =>
    `was left behind by a failover (its timeline is ${timeline}, and ${known!.timeline} was followed${file === undefined ? '' : `: ${file}`})`

  return {
    current: () => hosts[current]!,
    several: hosts.length > 1,
    async find(ms) {
      known ??= kept?.read()
      const candidates: Candidate[] = []
      const reasons: string[] = []
      const silent = new Set(hosts)
      const until = performance.now() + ms
      let over = false
      let full = false
      let cause: unknown
      const found = Promise.withResolvers<void>()
      const allAnswered = Promise.withResolvers<void>()

      async function tryHost(host: Host, index: number) {
        let left = ms
        do {
          try {
            const standing = await ask(index, left).catch((error) => {
              if (again(error)) return ask(index, left)
              throw error
            })
            if (standing.writable && !isBehind(standing)) {
              candidates.push({ index, standing })
              return found.resolve()
            }
            reasons[index] = `${nameOf(host)} ${standing.writable ? leftBehind(standing) : refusing(standing)}`
          } catch (error) {
            const { code, message } = error as { code?: string; message: string }
            full ||= hasState(error, 'too_many_connections')
            cause ??= error
            reasons[index] = `${nameOf(host)}: ${message || code}`
            return
          } finally {
            silent.delete(host)
            if (silent.size === 0) allAnswered.resolve()
          }
          await Bun.sleep(AGAIN_AFTER)
          left = Math.round(until - performance.now())
        } while (!over && left > AGAIN_AFTER)
      }
      hosts.forEach((host, index) => void tryHost(host, index))
      await Promise.race([allAnswered.promise, found.promise.then(() => Bun.sleep(OTHERS_WITHIN))])
      over = true
      const [best] = candidates.toSorted((a, b) => rank(b) - rank(a) || a.index - b.index)
      if (!best)
        throw Object.assign(
          new NoPrimary(reasons.join('; '), { cause: cause ?? { code: SQL_STATE.read_only_sql_transaction } }),
          { full },
        )
      const moved = best.index !== current
      if (moved) log.warn({ from: nameOf(hosts[current]!), to: nameOf(hosts[best.index]!) }, 'another server is the primary now')
      current = best.index
      await follow(best.standing)
      return moved
    },
  }

  async function follow({ system, timeline }: ServerState) {
    if (known?.system !== system || known.timeline !== timeline) isKept = false
    known = { system, timeline }
    if (kept && !isKept) isKept = await kept.keep(known)
  }

  /** A cluster other than the known one ranks last: it may be unrelated, or an upgrade's. */
  function rank({ standing: { system, timeline } }: Candidate): number {
    return known && system !== known.system ? 0 : timeline
  }
}

export const nameOf = ({ host, port }: Host) => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** The configuration may make a primary read-only, also just for this role or database. */
const refusing = ({ standby }: ServerState) => `accepts no writes${standby ? '' : ': default_transaction_read_only is on'}`

/** Only a writable server can tell its timeline. */
const standingOf = (sql: Sql) => sql<ServerState[]>`
  select pg_is_in_recovery() as standby, not (pg_is_in_recovery() or current_setting('transaction_read_only')::bool) as writable,
    (select system_identifier::text from pg_control_system()) as system,
    case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline`
