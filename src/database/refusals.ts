// Detects that a reachable database refuses changes for a lasting reason (a full disk, a lost permission), and when that is over.
import type { Log } from '../telemetry/logs.ts'
import { causeOf } from './causes.ts'
import type { Transaction } from './guard.ts'
import { hasState, SQL_STATE } from './sql-state.ts'

export type Refusal = { words: string; since: number }

const TRY_EVERY = 2_000
/** Since the last refusal: a small change may still find space when others do not. */
const OVER_AFTER = 10_000

/**
 * `attempt` writes as much as a change may need, and throws the database's error. `note` gets every error: a full disk counts at once; for other
 * errors `attempt` decides, because they may concern one statement only.
 */
export function watchRefusals(attempt: () => Promise<unknown>, log: Log) {
  let current: Refusal | undefined
  let last = 0
  let timer: Timer | undefined
  let trying = false
  let stopped = false

  function refused(words: string, error: unknown) {
    last = performance.now()
    if (current?.words !== words) log.error({ err: error }, `the database accepts no changes: ${words}`)
    current = { words, since: current?.since ?? Date.now() }
    plan(TRY_EVERY)
  }

  function plan(ms: number) {
    if (!stopped) timer ??= setTimeout(tryOut, ms)
  }

  async function tryOut() {
    timer = undefined
    if (trying || stopped) return
    trying = true
    try {
      await attempt()
      if (current && performance.now() - last > OVER_AFTER) {
        current = undefined
        log.info('the database accepts changes again')
      }
    } catch (error) {
      const words = causeOf(error)
      if (words) refused(words, error)
    }
    trying = false
    if (current) plan(TRY_EVERY)
  }

  return {
    /** Why changes are refused, and since when (ms); undefined if they are accepted. */
    current: () => current,
    note(error: unknown) {
      const words = causeOf(error)
      if (words && hasState(error, 'disk_full')) refused(words, error)
      else if (words) plan(0)
    },
    /** Checks whether changes are accepted. */
    suspect: () => plan(0),
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Extends a file and the WAL by 120 kB, and checks the permission to change links: a small change alone finds space in existing pages. */
export async function attemptWrite(sql: Transaction) {
  await sql`
    create temp table waypost_attempt on commit drop as
    select repeat(md5(n::text), 60) as filling from generate_series(1, 64) n`
  const [urls] = await sql<{ writable: boolean }[]>`
    select has_table_privilege(there, 'insert') and has_table_privilege(there, 'update') as writable
    from (select to_regclass('urls') as there) found where there is not null`
  if (urls?.writable === false)
    throw Object.assign(new Error('permission denied for table urls'), { code: SQL_STATE.insufficient_privilege })
}
