// The clicks that links with max_clicks may still have. A replica leases some from the database and spends them without asking: no limit is ever
// exceeded, whatever is unreachable. Each spent click is marked in the journal, so the unspent clicks of a killed replica can be given back.
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import type { LeaseStore } from './lease-store.ts'

/** `held`: other replicas hold the rest, and return it within a second. */
export type Spent = 'spent' | 'used_up' | 'held'

export type Allowance = {
  /** Spends one click of the link under its `limit`. A promise only if none is leased; it rejects if the database cannot be asked. */
  spend: (id: number, limit: number) => Spent | Promise<Spent>
  /** Takes back a click that was spent, but neither recorded nor answered. */
  refund: (id: number, limit: number) => void
  stop: () => Promise<void>
}

/**
 * `total` was granted to this journal so far, `spent` of it was spent. `asking` is the request in flight, for `waiting` visits. `turn` is that of the
 * last statement.
 */
type Lease = { limit: number; total: number; spent: number; waiting: number; asking?: Promise<Spent>; used: number; turn: number }

const EVERY = 1_000
/** ms after which a lease that nobody uses is returned. Until then it works while the database is unreachable. */
const UNUSED = 600_000
/** ms after its last click for which a link without clicks left is checked. */
const RECENT = 10_000
const MAX_LINKS = 100_000
/** Visits that may wait for one link's lease. */
const MAX_WAITING = 1_000
const TRIES = 5

type Parts = { database: Pick<Database, 'state'>; store: LeaseStore; changed: () => void; log: Pick<Log, 'warn'> }

/** `changed` is called when a link was found to be used up, so that other replicas hear of it. */
export function createAllowance({ database, store, changed, log }: Parts): Allowance {
  const leases = new Map<number, Lease>()
  let identity: string | undefined
  let failing = false
  let turns = 0

  function leaseOf(id: number, limit: number): Lease {
    const known = leases.get(id)
    if (known?.limit === limit) return known
    if (known) void giveBack(id, known).catch(() => {}) // else when this process has ended
    const lease = { limit, total: 0, spent: 0, waiting: 0, used: 0, turn: 0 }
    leases.set(id, lease)
    return lease
  }

  function spend(id: number, limit: number): Spent | Promise<Spent> {
    const lease = leaseOf(id, limit)
    return take(lease) ? 'spent' : waitFor(id, lease)
  }

  function take(lease: Lease): boolean {
    if (lease.total <= lease.spent) return false
    lease.spent++
    lease.used = performance.now()
    return true
  }

  async function waitFor(id: number, lease: Lease): Promise<Spent> {
    if (lease.waiting >= MAX_WAITING) return 'held'
    lease.waiting++
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const answer = await (lease.asking ?? ask(id, lease))
        if (answer !== 'spent') return answer
        if (take(lease)) return 'spent' // else other visits took what came
      }
      return 'held'
    } finally {
      lease.waiting--
    }
  }

  /** Leases more; 'spent' means that there is something to spend. Visits of one link share the request. */
  function ask(id: number, lease: Lease): Promise<Spent> {
    const turn = (lease.turn = ++turns)
    lease.asking = store
      .lease(id, lease.limit, turn, lease.spent, lease.waiting)
      .then((granted): Spent => {
        if (lease.turn !== turn) return 'spent' // it was returned since, with this: the visits that wait ask again
        if (!granted || granted.granted === null) return 'held'
        if (lease.total === 0) lease.spent = granted.total - granted.granted // it was returned before, or the entry was dropped
        lease.total = granted.total
        if (granted.granted > 0 || lease.total > lease.spent) return 'spent'
        if (granted.elsewhere > 0) return 'held'
        changed()
        return 'used_up'
      })
      .finally(() => {
        lease.asking = undefined
      })
    return lease.asking
  }

  /** Returns leases that others wait for or that nobody uses, and confirms all of them to a database that may have lost some. */
  async function tend() {
    if (leases.size === 0 || database.state() !== 'up') return
    const now = performance.now()
    const known = [...leases].filter(([, { total, spent, used }]) => total > spent || now - used < RECENT)
    const { identity: current, empty } = await store.look(known.map(([id]) => id))
    if (identity !== current) await store.confirm([...leases].map(([id, lease]) => ({ id, ...lease })))
    identity = current
    for (const [id, lease] of known) {
      const isEmpty = empty.includes(id)
      if (lease.total > lease.spent) {
        if (isEmpty || now - lease.used > UNUSED) await giveBack(id, lease)
      } else if (isEmpty && !lease.asking) await ask(id, lease) // marks the link as used up if nobody else holds some
    }
    for (const [id, lease] of leases) {
      if (leases.size <= MAX_LINKS) break
      await giveBack(id, lease)
      leases.delete(id)
    }
  }

  /**
   * Nothing of it can be spent from here on. If the statement fails, the next request for more finds it, or it is given back when this process has
   * ended.
   */
  async function giveBack(id: number, lease: Lease) {
    if (lease.total <= lease.spent) return
    lease.total = lease.spent
    lease.turn = ++turns
    await store.giveBack(id, lease.limit, lease.turn, lease.spent)
  }

  let tending: Promise<void> | undefined
  const timer = setInterval(() => {
    tending ??= tend()
      .then(
        () => {
          failing = false
        },
        (error) => {
          if (!failing && database.state() === 'up')
            log.warn({ err: error }, 'leases of max_clicks could not be returned: will try again')
          failing = true
        },
      )
      .finally(() => {
        tending = undefined
      })
  }, EVERY)

  return {
    spend,
    refund(id, limit) {
      const lease = leases.get(id)
      if (lease?.limit === limit && lease.spent > 0) lease.spent--
    },
    async stop() {
      clearInterval(timer)
      await tending
      if (database.state() !== 'up') return
      await Promise.all([...leases].map(([id, lease]) => giveBack(id, lease).catch(() => {})))
    },
  }
}
