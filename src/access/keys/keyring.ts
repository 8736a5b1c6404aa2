// The valid keys, from the policy in this replica's memory, and when each was last used.
import type { Database } from '../../database/guard.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { Keyring } from '../auth.ts'
import type { Policy, PolicyKey } from '../policy/policy.ts'
import { hashOf, taggedHash } from './secret.ts'
import { keyStore } from './store.ts'

const WRITE_EVERY = 30_000

export type OpenKeyring = Keyring & {
  /** When this replica last saw the key, in ms, if that is not stored yet. */
  usedAt: (id: number) => number | undefined
  stop: () => Promise<void>
}

/** Stores uses together every `every` ms: otherwise a key in constant use would cost a write per request. */
export function openKeyring(database: Database, policy: { current: () => Policy }, log: Log, every = WRITE_EVERY): OpenKeyring {
  const store = keyStore(database)
  let uses = new Map<number, number>()

  function held(hash: string): PolicyKey | undefined {
    const { keys } = policy.current()
    const key = keys.get(hash) ?? keys.get(taggedHash(hash))
    const now = Date.now()
    if (!key || (key.expires_at !== null && key.expires_at <= now)) return undefined
    uses.set(key.id, now)
    return key
  }

  async function write() {
    if (uses.size === 0 || database.state() !== 'up') return
    const written = uses
    uses = new Map()
    try {
      await store.noteUses(written)
    } catch (error) {
      for (const [id, at] of written) if (!uses.has(id)) uses.set(id, at) // retried with the next write
      if (database.state() === 'up') log.warn({ err: error }, 'the last use of keys could not be stored')
    }
  }

  const timer = setInterval(() => void write(), every)

  return {
    find(token) {
      const hash = hashOf(token)
      const key = hash && held(hash)
      return key ? { hash: hash!, key } : undefined
    },
    byHash: held,
    usedAt: (id) => uses.get(id),
    async stop() {
      clearInterval(timer)
      await write()
    },
  }
}
