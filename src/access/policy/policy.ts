// What a replica needs to decide while the database is unreachable: keys, session secret and blocked hosts. It is kept in memory and in a file, and
// follows the version in the database, which the change feed reports.
import type { Database } from '../../database/guard.ts'
import { isSchemaMissing } from '../../database/sql-state.ts'
import type { Log } from '../../telemetry/logs.ts'
import { openPolicyFile } from './file.ts'
import { type Edition, MAX_HOSTS, MAX_KEYS, type PolicyRow, readPolicy } from './store.ts'

export { MAX_HOSTS, MAX_KEYS }

export type PolicyKey = Omit<PolicyRow['keys'][number], 'hash'>

export type Policy = {
  /** Whether a key was ever created; undefined while unknown. */
  keyed: boolean | undefined
  sessionSecret: string | undefined
  /** By the hex sha256 of the key, without revoked ones. */
  keys: ReadonlyMap<string, PolicyKey>
  hosts: ReadonlySet<string>
}

export type PolicyFeed = {
  /** The current policy; a new object after each change. */
  current: () => Policy
  /** Calls `listener` with each new policy. */
  onChange: (listener: (policy: Policy) => void) => void
  /** Resolves when everything committed before this call is in force. Throws DatabaseUnreachable. */
  refresh: () => Promise<void>
  /** Await it after committing a change: it is then in force here, and announced to the other replicas. */
  changed: () => Promise<void>
  /** Called by the change feed: which database answered, and its policy's version. */
  seen: (identity: string, version: number) => void
  /** Sets how to announce a change. */
  attach: (changes: { announce: () => void }) => void
  stop: () => Promise<void>
}

/** ms. If the feed is silent for longer, while building an edge copy for instance, the policy is polled: a revoked key must end within a second. */
const SILENT_FOR = 600
const LOOK_EVERY = 200

/** Minimum length of the session secret in hex. A shorter one was not written by Waypost, and would let others sign. */
const SECRET_DIGITS = 32

const UNKNOWN: Policy = { keyed: undefined, sessionSecret: undefined, keys: new Map(), hosts: new Set() }

/**
 * Starts with the policy in the slot's `folder`, and follows the database once it answers. `keyedBefore`: this machine knows that a key was created;
 * a database without keys (another one, or an old backup) then does not reopen the server.
 */
export async function openPolicy({
  database,
  folder,
  keyedBefore,
  log,
}: {
  database: Database
  folder: string
  keyedBefore: boolean
  log: Log
}): Promise<PolicyFeed> {
  const file = openPolicyFile(folder, log)
  const saved = file.read()
  let policy = saved ? policyOf(saved) : UNKNOWN
  let held: Edition | undefined // the file may be from another database
  let keyed = keyedBefore
  let lastNews = 0
  let announce = () => {}
  let reading: Promise<void> | undefined
  let next: Promise<void> | undefined
  let stopped = false
  const listeners: ((policy: Policy) => void)[] = []

  async function read() {
    const found = await readPolicy(database, held)
    lastNews = Date.now()
    if (!found || stopped) return
    if (!found.keyed && keyed && found.identity !== held?.identity)
      log.error(
        'the database has no API keys, although keys were created: the server stays closed; set ADMIN_TOKEN or run waypost key create, or start once with --init-empty if the database is meant to be empty',
      )
    keyed ||= found.keyed
    const { oddHosts, ...row } = { ...found, keyed }
    held = { identity: row.identity, version: row.version }
    policy = policyOf(row)
    if (oddHosts > 0) log.warn({ rows: oddHosts }, 'rows of blocked_hosts are not valid hosts, and block nothing')
    if (row.keys.length === MAX_KEYS || row.hosts.length === MAX_HOSTS)
      log.warn(
        { keys: row.keys.length, hosts: row.hosts.length },
        'the policy is full: keys and hosts beyond the maximum are ignored',
      )
    for (const listener of listeners) listener(policy)
    file.write(row)
  }

  /** One read at a time. A caller that arrives during a read waits for the next: this one may predate its change. */
  function refresh(): Promise<void> {
    if (reading) {
      next ??= reading
        .catch(() => {})
        .then(() => {
          next = undefined
          return refresh()
        })
      return next
    }
    reading = read().finally(() => {
      reading = undefined
    })
    return reading
  }

  function follow() {
    refresh().catch((error) => {
      if (database.state() === 'up' && !stopped && !isSchemaMissing(error))
        log.warn({ err: error }, 'the policy could not be read and will be retried')
    })
  }

  const timer = setInterval(() => {
    if (database.state() === 'up' && !reading && Date.now() - lastNews > SILENT_FOR) follow()
  }, LOOK_EVERY)

  return {
    current: () => policy,
    onChange: (listener) => void listeners.push(listener),
    refresh,
    async changed() {
      try {
        await refresh()
      } finally {
        announce()
      }
    },
    seen(identity, version) {
      lastNews = Date.now()
      if (identity !== held?.identity || version !== held.version) follow()
    },
    attach(changes) {
      announce = changes.announce
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      await reading?.catch(() => {})
      await file.settled()
    },
  }
}

function policyOf({ keyed, session_secret, keys, hosts }: PolicyRow): Policy {
  return {
    keyed,
    sessionSecret: session_secret.length < SECRET_DIGITS ? undefined : session_secret,
    keys: new Map(keys.map(({ hash, ...key }) => [hash, key])),
    hosts: new Set(hosts),
  }
}
