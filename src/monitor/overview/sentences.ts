// The problems that a replica can have, by code: the sentence for its params, its tone, and how params of several replicas are joined.
// Server and console import this file, so it uses no API of Bun or Node. The params of a code never change: other params need another code.
import { counted } from '../../base/counted.ts'

/** Numbers, ISO 8601 times and names. Only `reason` is free text, from the database or the system: it is shown but never compared. */
export type Params = Record<string, number | string | string[] | undefined>

/** bad: something fails, or is about to. warn: it is over, or only the figures are incomplete. */
export type Tone = 'bad' | 'warn'

/** How a sentence shows an ISO 8601 time. */
type ShowTime = (time: string) => string

type Row<P> = {
  sentence: (params: P, time: ShowTime) => string
  /** The cause, if several codes share one; else the code itself. */
  cause?: string
  tone?: Tone
  /** A state of the database. */
  state?: 'unreachable' | 'slow' | 'over'
  /** Joins the values of two replicas. Params without a rule must be equal, or they produce separate lines. */
  join?: { [Name in keyof P]?: (one: NonNullable<P[Name]>, other: NonNullable<P[Name]>) => P[Name] }
}

const row = <P extends Params>(sentence: Row<P>['sentence'], rest: Omit<Row<P>, 'sentence'> = {}): Row<P> => ({
  sentence,
  ...rest,
})

const first = (one: string, other: string) => (one < other ? one : other)
const last = (one: string, other: string) => (one > other ? one : other)
const worse = (one: 'slow' | 'unreachable', other: 'slow' | 'unreachable') => (one === 'unreachable' ? one : other)
const sum = (one: number, other: number) => one + other
const most = (one: number, other: number) => Math.max(one, other)
const furthest = (one: number, other: number) => (Math.abs(one) > Math.abs(other) ? one : other)
const both = <T extends string>(one: T[], other: T[]) => [...new Set([...one, ...other])].sort()

/** The states of the database, worst first: with several replicas, the worst one counts. */
export const DATABASE_STATES = ['database_unreachable', 'database_slow', 'database_over'] as const

export const CODES = {
  database_unreachable: row(
    ({ since, reason }: { since: string; reason?: string }, time) =>
      `The database has been unreachable since ${time(since)}${reason ? ` (${reason})` : ''}. Redirects keep working and clicks are queued. Creating or editing links fails until it is back.`,
    { cause: 'database', state: 'unreachable', join: { since: first, reason: first } },
  ),
  database_slow: row(
    ({ since }: { since: string }, time) =>
      `The database has been slow since ${time(since)}. Links missing from the local copy, and changes, may fail with 503.`,
    { cause: 'database', state: 'slow', join: { since: first } },
  ),
  database_over: row(
    ({ was, until }: { was: 'slow' | 'unreachable'; since: string; until: string }, time) =>
      `The database was ${was} until ${time(until)}. ${was === 'slow' ? 'Requests that waited for it may have got 503.' : 'Requests that needed it got 503.'}`,
    { cause: 'database', tone: 'warn', state: 'over', join: { was: worse, since: first, until: last } },
  ),
  database_moved: row(
    ({ at }: { at: string }, time) =>
      `Another database server became the primary at ${time(at)}. Requests to the old one may have failed.`,
    { cause: 'database', join: { at: first } },
  ),
  database_reconnected: row(
    ({ at }: { at: string }, time) =>
      `Connections to the database stopped responding and were replaced at ${time(at)}. Requests on them got no answer.`,
    { cause: 'database', join: { at: first } },
  ),
  replica_lost: row(
    ({ since }: { since: string }, time) =>
      `Stopped responding at ${time(since)}. No clicks are lost: they stay in its journal until it restarts or another replica takes them over.`,
    { cause: 'replica' },
  ),
  replica_silent: row(({ reason }: { reason: string }) => `Not included in the charts: ${reason}.`, {
    tone: 'warn',
    join: { reason: first },
  }),
  starting: row(() => 'This replica is starting.'),
  draining: row(() => 'This replica is draining. It finishes its requests and accepts no new ones.'),
  database_refuses: row(
    ({ reason }: { reason: string }) =>
      `The database accepts no changes: ${reason}. Redirects keep working. Creating or editing links fails.`,
    { join: { reason: first } },
  ),
  stale: row(() => 'The local copy is older than STALE_LIMIT. Redirects get 503 until the database is back.'),
  lagging: row(() => 'Updates from other replicas are late (MAX_STALENESS), so redirects query the database directly.'),
  clicks_dropped: row(
    ({ reason }: { reason: string }) =>
      `The click journal has no room (${reason}). New clicks will be lost once its segment is full.`,
    { join: { reason: first } },
  ),
  journal_skipped: row(
    ({ files }: { files: number }) =>
      `${counted(files, 'click journal file')} cannot be read completely. No file is deleted. The log names them: filter by “journal”.`,
    { join: { files: sum } },
  ),
  click_backlog: row(
    ({ limit_s }: { limit_s: number }) => `Clicks are stored late. The oldest has waited for more than ${limit_s} s.`,
  ),
  shared_cache: row(
    ({ used_for }: { used_for: ('links' | 'limits')[] }) =>
      [
        ...(used_for.includes('links')
          ? ['The shared cache (Valkey) does not answer. Links that are not in memory are read from the database.']
          : []),
        ...(used_for.includes('limits') ? ['The Valkey of the rate limits does not answer. Each replica counts by itself.'] : []),
      ].join(' '),
    { join: { used_for: both } },
  ),
  memory_low: row(
    ({ percent }: { percent: number }) => `Memory is at ${percent} % of its limit. At the limit, the system kills this replica.`,
    { join: { percent: most } },
  ),
  descriptors_low: row(
    ({ open, limit }: { open: number; limit: number }) =>
      `${count(open)} of ${count(limit)} file descriptors are open. At the limit, new connections fail.`,
    { join: { open: most } },
  ),
  unknown_flood: row(
    ({ requests }: { requests: number }) =>
      `Someone is guessing short codes: ${count(requests)} requests for unknown codes were refused within 2 minutes. Valid links are unaffected.`,
    { join: { requests: sum } },
  ),
  targets_refused: row(
    ({ links }: { links: number }) =>
      `Links in the database lead to no web address, so they get 404 (found in 5 minutes: ${count(links)}). The log names them: filter by “not an http or https address”.`,
    { join: { links: most } }, // replicas may have found the same ones
  ),
  releases: row(({ versions }: { versions: string[] }) => `Replicas run different releases: ${listed(versions)}.`),
  clock_skew: row(
    ({ ahead_s }: { ahead_s: number }) =>
      `The clock of this machine is ${count(Math.abs(ahead_s))} s ${ahead_s > 0 ? 'ahead of' : 'behind'} the database’s. Clicks get wrong times, and keys and sign-ins expire at the wrong time.`,
    { join: { ahead_s: furthest } },
  ),
}

export type Code = keyof typeof CODES
export type ParamsOf<C extends Code> = Parameters<(typeof CODES)[C]['sentence']>[0]

/** A replica of another release may send codes that are not in the table. */
export const isCode = (code: string | undefined): code is Code => code !== undefined && Object.hasOwn(CODES, code)

const rowOf = (code: Code) => CODES[code] as unknown as AnyRow
type AnyRow = Omit<Row<Params>, 'join'> & { join?: Record<string, Rule> }
export type Rule = (one: Params[string], other: Params[string]) => Params[string]

/** The params must be those of the code. Times are shown in ISO 8601, or as formatted by `time`. */
export const sentence = (code: Code, params: Params, time: ShowTime = (iso) => iso): string => rowOf(code).sentence(params, time)

/** The other properties of a code. */
export function traitsOf(code: Code) {
  const { cause = code, tone = 'bad', state, join = {} } = rowOf(code)
  return { cause, tone, state, join }
}

const count = (value: number) => value.toLocaleString('en')
/** a and b; a, b and c */
const listed = (names: string[]) => (names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`)
