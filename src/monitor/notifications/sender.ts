// Elects the replica that sends: the one with the lease in the database; while the database is unreachable, the lowest id among those
// that answer.
// For a moment two replicas may both send. That is deliberate: a duplicate is better than a lost notification.

import type { Standing } from './schema.ts'
import { LEASE, type NotificationStore } from './store.ts'

const UNABLE_FOR = 300_000
/** ms that the lease must be free before a replica takes it whose last deliveries failed. */
const BACK_SEAT = 15_000

export type Sender = ReturnType<typeof senderElection>

type Options = {
  id: string
  /** Undefined if this is the only replica. */
  store: NotificationStore | undefined
  databaseUp: () => boolean
  /** The other replicas that answer now. */
  peers: () => Promise<Standing[]>
}

export function senderElection({ id, store, databaseUp, peers }: Options) {
  let leaseUntil = Number.NEGATIVE_INFINITY
  let unableUntil = Number.NEGATIVE_INFINITY
  let sender = false
  const able = () => performance.now() > unableUntil
  const lease = () => performance.now() < leaseUntil

  async function decide(): Promise<{ sender: boolean; notices?: unknown }> {
    if (!store) return { sender: true }
    if (databaseUp()) {
      const asked = performance.now()
      const found = await store.seek(id, able() ? 0 : BACK_SEAT).catch(() => undefined)
      if (found) {
        leaseUntil = found.mine ? asked + LEASE : Number.NEGATIVE_INFINITY
        return { sender: found.mine, notices: found.notices }
      }
    }
    if (lease()) return { sender: true }
    const others = (await peers()).filter(({ channels }) => channels.length > 0)
    const rank = (one: Pick<Standing, 'id' | 'able'>) => `${one.able ? 0 : 1} ${one.id}`
    const own = rank({ id, able: able() })
    const notices = others.flatMap((one) => one.notices)
    return { sender: others.every((other) => !other.lease && own < rank(other)), notices }
  }

  return {
    /** Whether this replica sends now, and the notifications that others know of. */
    async seek() {
      const decided = await decide()
      sender = decided.sender
      return decided
    },
    is: () => sender,
    lease,
    able,
    /** Called when this replica cannot deliver: lets another one try. */
    async fail() {
      const first = able()
      unableUntil = performance.now() + UNABLE_FOR
      if (first && lease()) await this.leave()
    },
    async leave() {
      if (!lease()) return
      leaseUntil = Number.NEGATIVE_INFINITY
      sender = false
      if (databaseUp()) await store?.release(id).catch(() => {})
    },
  }
}
