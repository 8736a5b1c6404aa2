// The keys that hold now, from the policy that this replica has in memory, and when each was last used.
import type { Database } from '../database/guard.ts'
import type { Keyring } from '../http/auth.ts'
import type { Policy, PolicyKey } from '../policy/policy.ts'
import type { Log } from '../telemetry/logs.ts'
import { hashOf } from './secret.ts'
import { keyStore } from './store.ts'

const WRITE_EVERY = 30_000

export type OpenKeyring = Keyring & {
  /** When this replica saw the key last, as far as it is not written yet: ms. */
  usedAt: (id: number) => number | undefined
  stop: () => Promise<void>
}

/** Uses are written together every `every` ms: a key in constant use would otherwise cost a write a request. */
export function openKeyring(database: Database, policy: { current: () => Policy }, log: Log, every = WRITE_EVERY): OpenKeyring {
  const store = keyStore(database)
  let uses = new Map<number, number>()

  function held(hash: string): PolicyKey | undefined {
    const key = policy.current().keys.get(hash)
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
      for (const [id, at] of written) if (!uses.has(id)) uses.set(id, at) // for the next time
      if (database.state() === 'up') log.warn({ err: error }, 'when keys were last used could not be written')
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
