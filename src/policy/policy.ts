// What a replica must know to decide while the database is away: the keys, the secret of sessions and the blocked hosts. It is held whole in
// memory and in a file, and follows the database's version of it, which the change feed sees.
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { openPolicyFile } from './file.ts'
import { type Edition, MAX_HOSTS, MAX_KEYS, type PolicyRow, readPolicy } from './store.ts'

export { MAX_HOSTS, MAX_KEYS }

export type PolicyKey = Omit<PolicyRow['keys'][number], 'hash'>

export type Policy = {
  /** Whether a key was ever made; undefined before anything is known. */
  keyed: boolean | undefined
  sessionSecret: string | undefined
  /** By the hex sha256 of the key; revoked ones are not here. */
  keys: ReadonlyMap<string, PolicyKey>
  hosts: ReadonlySet<string>
}

export type PolicyFeed = {
  /** What holds now; another object after each change. */
  current: () => Policy
  /** Calls `listener` with each new policy. */
  onChange: (listener: (policy: Policy) => void) => void
  /** What was committed before this call is in force when it resolves. Throws DatabaseAway. */
  refresh: () => Promise<void>
  /** To be awaited after a change made here was committed: it is in force here, and announced to the other replicas. */
  changed: () => Promise<void>
  /** From the change feed: which database answered, and its policy's version. */
  seen: (identity: string, version: number) => void
  /** Gives the way to announce a change. */
  attach: (changes: { announce: () => void }) => void
  stop: () => Promise<void>
}

/** While the feed is silent for longer, building an edge copy for one, the version is asked for by ourselves: a revoked key has a second. */
const SILENT_FOR = 600
const LOOK_EVERY = 200

const UNKNOWN: Policy = { keyed: undefined, sessionSecret: undefined, keys: new Map(), hosts: new Set() }

/** Begins with what the slot's `folder` has, and follows the database from its first answer on. */
export async function openPolicy({
  database,
  folder,
  log,
}: {
  database: Database
  folder: string
  log: Log
}): Promise<PolicyFeed> {
  const file = openPolicyFile(folder, log)
  const saved = await file.read()
  let policy = saved ? policyOf(saved) : UNKNOWN
  let held: Edition | undefined // a file says nothing of the database that will answer
  let heard = 0
  let announce = () => {}
  let underWay: Promise<void> | undefined
  let next: Promise<void> | undefined
  let stopped = false
  const listeners: ((policy: Policy) => void)[] = []

  async function read() {
    const row = await readPolicy(database, held)
    heard = Date.now()
    if (!row || stopped) return
    held = { identity: row.identity, version: row.version }
    policy = policyOf(row)
    if (row.keys.length === MAX_KEYS || row.hosts.length === MAX_HOSTS)
      log.warn({ keys: row.keys.length, hosts: row.hosts.length }, 'the policy is full: what is beyond is not held')
    for (const listener of listeners) listener(policy)
    file.write(row)
  }

  /** One read at a time. Who comes while one is under way needs the next: that one may have begun before his change. */
  function refresh(): Promise<void> {
    if (underWay) {
      next ??= underWay
        .catch(() => {})
        .then(() => {
          next = undefined
          return refresh()
        })
      return next
    }
    underWay = read().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  function follow() {
    refresh().catch((error) => {
      const noSchemaYet = (error as { code?: string }).code === '42P01'
      if (database.state() === 'up' && !stopped && !noSchemaYet)
        log.warn({ err: error }, 'the policy could not be read and will be tried again')
    })
  }

  const timer = setInterval(() => {
    if (database.state() === 'up' && !underWay && Date.now() - heard > SILENT_FOR) follow()
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
      heard = Date.now()
      if (identity !== held?.identity || version !== held.version) follow()
    },
    attach(changes) {
      announce = changes.announce
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      await underWay?.catch(() => {})
      await file.settled()
    },
  }
}

function policyOf({ keyed, session_secret, keys, hosts }: PolicyRow): Policy {
  return {
    keyed,
    sessionSecret: session_secret,
    keys: new Map(keys.map(({ hash, ...key }) => [hash, key])),
    hosts: new Set(hosts),
  }
}
