// Of the servers that a database may be on, the one that takes writes: a standby is passed over, and so is a primary that was left behind.
import type { Log } from '../telemetry/logs.ts'
import type { Sql } from './guard.ts'
import { type Followed, keepFollowed, readFollowed } from './timeline.ts'

export type Host = { host: string; port: number }

export type Servers = {
  /** The server that is followed. */
  current: () => Host
  several: boolean
  /**
   * Asks all of them for the one that takes writes, and follows it: true where it is another than before. Each has `ms` to answer. Throws NoPrimary.
   */
  find: (ms: number) => Promise<boolean>
}

/** None of the servers takes writes now; `message` says of each why. */
export class NoPrimary extends Error {
  override name = 'NoPrimary'
  /** One of them lives and has no connection to spare: whoever has connections keeps them. */
  full = false
}

/** One that takes no writes is asked again so often while others are waited for: it may be promoted any moment. */
const AGAIN_AFTER = 500
/** How much longer the others may take once one said yes: a frozen one must not hold up a failover, nor a left one win because it is nearer. */
const OTHERS_WITHIN = 250

type Standing = Followed & { writable: boolean }
type Candidate = { place: number; standing: Standing }

/**
 * Among several that take writes the highest timeline wins: each promotion begins a new one, so that a primary that was passed over and comes
 * back is not written to. It is not followed either where the newer one is gone again: what was acknowledged there would be missing. The timeline
 * is kept in `file`, for the processes after this one.
 */
export function followServers(hosts: Host[], connect: (host: Host) => Sql, log: Log, file?: string): Servers {
  let current = 0
  let known: Followed | undefined
  let isKept = false

  async function ask(place: number, ms: number): Promise<Standing> {
    const sql = connect(hosts[place]!)
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
    })
    try {
      const [row] = await Promise.race([standingOf(sql), late])
      return row!
    } finally {
      clearTimeout(timer)
      void sql.end({ timeout: 0 }).catch(() => {})
    }
  }

  const isBehind = ({ system, timeline }: Standing) => known !== undefined && system === known.system && timeline < known.timeline

  const passedOver = ({ timeline }: Standing) =>
    `was passed over by a failover (its timeline is ${timeline}, and ${known!.timeline} was followed${file === undefined ? '' : `: ${file}`})`

  return {
    current: () => hosts[current]!,
    several: hosts.length > 1,
    async find(ms) {
      known ??= file === undefined ? undefined : readFollowed(file)
      const candidates: Candidate[] = []
      const reasons: string[] = []
      const silent = new Set(hosts)
      const until = performance.now() + ms
      let over = false
      let full = false
      const found = Promise.withResolvers<void>()
      const allSpoke = Promise.withResolvers<void>()

      async function follows(host: Host, place: number) {
        let left = ms
        do {
          try {
            const standing = await ask(place, left)
            if (standing.writable && !isBehind(standing)) {
              candidates.push({ place, standing })
              return found.resolve()
            }
            reasons[place] = `${nameOf(host)} ${standing.writable ? passedOver(standing) : 'takes no writes'}`
          } catch (error) {
            const { code, message } = error as { code?: string; message: string }
            full ||= code === '53300'
            reasons[place] = `${nameOf(host)}: ${message || code}`
            return
          } finally {
            silent.delete(host)
            if (silent.size === 0) allSpoke.resolve()
          }
          await Bun.sleep(AGAIN_AFTER)
          left = Math.round(until - performance.now())
        } while (!over && left > AGAIN_AFTER)
      }
      hosts.forEach((host, place) => void follows(host, place))
      await Promise.race([allSpoke.promise, found.promise.then(() => Bun.sleep(OTHERS_WITHIN))])
      over = true
      const [best] = candidates.toSorted((a, b) => rank(b) - rank(a) || a.place - b.place)
      if (!best) throw Object.assign(new NoPrimary(reasons.join('; ')), { full })
      const moved = best.place !== current
      if (moved) log.warn({ from: nameOf(hosts[current]!), to: nameOf(hosts[best.place]!) }, 'another server is the primary now')
      current = best.place
      follow(best.standing)
      return moved
    },
  }

  function follow({ system, timeline }: Standing) {
    if (known?.system !== system || known.timeline !== timeline) isKept = false
    known = { system, timeline }
    if (file !== undefined && !isKept) isKept = keepFollowed(file, known)
  }

  /** Another cluster than the one known comes last: it is a stranger's, or an upgrade's. */
  function rank({ standing: { system, timeline } }: Candidate): number {
    return known && system !== known.system ? 0 : timeline
  }
}

export const nameOf = ({ host, port }: Host) => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** The timeline can only be asked of a server that takes writes. */
const standingOf = (sql: Sql) => sql<Standing[]>`
  select not (pg_is_in_recovery() or current_setting('transaction_read_only')::bool) as writable,
    (select system_identifier::text from pg_control_system()) as system,
    case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline`
