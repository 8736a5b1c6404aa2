// The total of all clicks in the database: counted only while somebody watches, because it sums over all links.
import type { Database } from '../database/guard.ts'

const EVERY = 30_000
const SHARE = 50 // takes at most 1/50 of the time, so that a sum over many links does not keep the database busy
const WITHIN = 5_000

export function countTotal(database: Pick<Database, 'run' | 'state'>) {
  let total: number | null = null
  let counted: number | undefined
  let next = 0
  let busy = false

  return {
    /** The last count; null before the first. */
    now: () => total,
    /** Counts again if it is due. Returns at once, and never throws. */
    async recount() {
      const period = Math.floor(Date.now() / EVERY) // by the clock, so that all replicas show the same count
      if (busy || period === counted || performance.now() < next || database.state() !== 'up') return
      busy = true
      counted = period
      const began = performance.now()
      try {
        const [row] = await database.run(
          (sql) => sql<{ clicks: number }[]>`select coalesce(sum(clicks), 0)::float8 as clicks from link_totals`,
          WITHIN,
        )
        total = row!.clicks
      } catch {
        // keeps the last count
      }
      next = performance.now() + SHARE * (performance.now() - began)
      busy = false
    },
  }
}
