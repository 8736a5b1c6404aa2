// Of what fires on which replica: what people must be told. One notice when an alert begins to fire anywhere in the fleet, one when it is over.
import type { Ledger } from './ledger.ts'
import type { Firing, Notice } from './schema.ts'

/** Over is over when no replica said otherwise for so long: a replica that is slow to answer ends nothing. */
export const QUIET = 10_000
/** So long after a notice the same alert is not told again when it comes and goes. */
export const COOL_DOWN = 300_000

/** What one replica says of itself; `replica` is its host and port. */
export type Report = { id: string; replica: string; firing: Firing[] }

/** A notice before it has an id and a way. */
export type Draft = Omit<Notice, 'id' | 'by' | 'deliveries'>

type Seen = Firing & { replica: string; seen: number }

/** `me` sends. A new sender waits QUIET before it calls anything over: it has not heard everybody yet. */
export function incidents(me: string, ledger: Pick<Ledger, 'all' | 'newest'>) {
  const seen = new Map<string, Map<string, Seen>>()
  let sendingSince = Number.NEGATIVE_INFINITY

  function draft(kind: Notice['kind'], now: number, firing: Seen[]): Draft {
    const worst = firing.reduce((a, b) => (b.value > a.value ? b : a))
    return {
      alert: worst.name,
      test: worst.test,
      kind,
      at: new Date(now).toISOString(),
      since: firing.map(({ since }) => since).sort()[0]!,
      value: worst.value,
      limit: worst.threshold,
      unit: worst.unit,
      help: worst.help,
      replicas: [...new Set(firing.map(({ replica }) => replica))].sort(),
    }
  }

  /** A test is told each time that it is made; of real ones, not again while it is open, within the cool-down, or pending. */
  function mustTell(firing: Seen[], now: number): boolean {
    const { name, test } = firing[0]!
    const last = ledger.newest(name, test)
    if (last?.kind === 'firing') {
      if (test) return firing.some(({ since }) => since > last.at)
      const unheard = last.deliveries.every(({ state }) => state === 'failed')
      return unheard && (last.by !== me || now - Date.parse(last.at) > COOL_DOWN)
    }
    const before = ledger.newest(name, test, 'firing')
    return test || !before || now - Date.parse(before.at) > COOL_DOWN
  }

  return {
    /** This replica begins to send, or goes on. */
    begin(now: number) {
      sendingSince = now
    },

    /** What to tell now, after these reports. */
    due(reports: Report[], now: number): Draft[] {
      for (const { id, replica, firing } of reports)
        for (const one of firing) {
          const key = `${one.name} ${one.test}`
          if (!seen.has(key)) seen.set(key, new Map())
          seen.get(key)!.set(id, { ...one, replica, seen: now })
        }
      const drafts: Draft[] = []
      const firing = new Set<string>()
      for (const [key, replicas] of seen) {
        for (const [id, one] of replicas) if (now - one.seen > QUIET) replicas.delete(id)
        const all = [...replicas.values()]
        if (all.length === 0) continue
        firing.add(key)
        if (mustTell(all, now)) drafts.push(draft('firing', now, all))
      }
      if (now - sendingSince <= QUIET) return drafts
      for (const one of ledger.all())
        if (one.kind === 'firing' && ledger.newest(one.alert, one.test) === one && !firing.has(`${one.alert} ${one.test}`)) {
          const { id: _, by: __, deliveries: ___, ...told } = one
          drafts.push({ ...told, kind: 'recovered', at: new Date(now).toISOString() })
        }
      return drafts
    },
  }
}
