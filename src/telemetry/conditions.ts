// What each built-in alert is about, and above which value it fires.
import { LOW } from './descriptors.ts'
import { TIGHT } from './machine.ts'

/** Below this, one failure would be a rate. */
export const ENOUGH_REQUESTS = 20

/** `line`: what the log says when it begins in earnest, where nothing else says it there. */
type About = { limit: number; unit: string; help: string; line?: string }

export const ALERTS = {
  service_down: {
    limit: 0,
    unit: 'database unreachable',
    help: 'The database does not answer. Redirects of known links go on; changes answer 503.',
  },
  high_error_rate: {
    limit: 10,
    unit: '% of requests in 2 minutes',
    help: `More than 10 % of requests failed on our side (5xx), out of at least ${ENOUGH_REQUESTS}.`,
  },
  high_latency: { limit: 1, unit: 'seconds, mean of 2 minutes', help: 'Requests take longer than a second on average.' },
  click_backlog: {
    limit: 30,
    unit: 'seconds, age of the oldest click not stored',
    help: 'Clicks wait in the journal for longer than 30 seconds: the database is away, or slower than the clicks come.',
  },
  clicks_dropped: {
    limit: 0,
    unit: 'clicks in 2 minutes, for want of room in the journal',
    help: 'Clicks are lost: the disk is full, or JOURNAL_MAX_BYTES is reached.',
  },
  disk_space: {
    limit: 0,
    unit: 'MiB of free disk short of DISK_FREE_MIN',
    help: 'The disk of DATA_DIR fills up. When it is full, clicks are lost, and the embedded database takes no changes.',
  },
  clock_skew: {
    limit: 5, // no answer of the database is that late
    unit: 'seconds that the clock is off the database’s',
    help: 'This machine’s clock, or the database’s, is wrong: clicks get wrong times, keys and sign-ins end too early or too late.',
  },
  replica_lost: {
    limit: 0,
    unit: 'replicas lost',
    help: 'A replica ended without a word, or nobody hears of it, and none came in its place. The others go on.',
    line: 'a replica is lost, and none came in its place',
  },
  database_slow: {
    limit: 150, // what a visitor waits for it
    unit: 'ms for a small change, each time of late',
    help: 'The database takes longer than a visitor waits: links that a replica does not know may be answered 503.',
    line: 'the database is slow: a small change takes longer than a visitor waits',
  },
  database_moved: {
    limit: 0,
    unit: 'moves to another primary in 5 minutes',
    help: 'Another server is the primary now: see whether the one before it may stay away, and whether there is a standby.',
  },
  shared_cache_down: {
    limit: 5,
    unit: 'seconds without an answer of Valkey',
    help: 'Valkey (REDIS_URL) does not answer: links not in memory are asked of the database, rate limits count for each replica.',
  },
  memory_low: {
    limit: 100 * TIGHT,
    unit: '% of the memory that it may take',
    help: 'Little memory is left: at the limit the system ends this replica.',
  },
  descriptors_low: {
    limit: 100 * LOW,
    unit: '% of the descriptors that it may have open',
    help: 'Few descriptors are left: at the limit no connection is accepted, and no file is opened.',
  },
  unknown_flood: {
    limit: 100, // beyond those that RATE_UNKNOWN lets each address have: a scanner's in seconds, and of no visitor with typos
    unit: 'requests for unknown codes refused in 2 minutes',
    help: 'Somebody tries codes out. Redirects go on; who is over RATE_UNKNOWN is answered 429.',
    line: 'many requests for unknown codes are refused: somebody tries codes out',
  },
  targets_refused: {
    limit: 0,
    unit: 'links found in 5 minutes that lead to no web address',
    help: 'Links in the database lead to no http or https address: they are answered 404. The log names them.',
  },
} satisfies Record<string, About>

/** What the log is to say when it begins, beside that it fires. */
export const lineOf = (name: keyof typeof ALERTS) => (ALERTS[name] as About).line
