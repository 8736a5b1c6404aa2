// Decides which notifications are due: one when an alert starts to fire anywhere in the fleet, one when it is over everywhere.
import type { Ledger } from './ledger.ts'
import type { Firing, Notification } from './schema.ts'

/** ms. An alert is over once no replica has reported it for this long: a slow answer must not end it. */
export const QUIET = 10_000
/** ms after a notification during which the same alert does not send another one: it may be flapping. */
export const COOL_DOWN = 300_000

/** The alerts that fire on one replica; `replica` is its host and port. */
export type Report = { id: string; replica: string; firing: Firing[] }

/** A notification before it has an id and deliveries. */
export type Draft = Omit<Notification, 'id' | 'by' | 'deliveries'>

type Seen = Firing & { replica: string; seen: number }

/** `me`: the id of the sender. A new sender waits QUIET before it reports anything as over: some replicas have not reported yet. */
export function incidents(me: string, ledger: Pick<Ledger, 'all' | 'newest'>) {
  const seen = new Map<string, Map<string, Seen>>()
  let sendingSince = Number.NEGATIVE_INFINITY

  function draft(kind: Notification['kind'], now: number, firing: Seen[]): Draft {
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

  /** Every test sends a notification. A real alert sends none while one is open or pending, or within the cool-down. */
  function mustNotify(firing: Seen[], now: number): boolean {
    const { name, test } = firing[0]!
    const last = ledger.newest(name, test)
    if (last?.kind === 'firing') {
      if (test) return firing.some(({ since }) => since > last.at)
      const allFailed = last.deliveries.every(({ state }) => state === 'failed')
      return allFailed && (last.by !== me || !isRecent(last.at, now))
    }
    const before = ledger.newest(name, test, 'firing')
    return test || !before || !isRecent(before.at, now)
  }

  return {
    /** This replica becomes the sender. */
    begin(now: number) {
      sendingSince = now
    },

    /** The notifications that are due after these reports. */
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
        if (all.length === 0) {
          seen.delete(key)
          continue
        }
        firing.add(key)
        if (mustNotify(all, now)) drafts.push(draft('firing', now, all))
      }
      if (now - sendingSince <= QUIET) return drafts
      for (const one of ledger.all())
        if (one.kind === 'firing' && ledger.newest(one.alert, one.test) === one && !firing.has(`${one.alert} ${one.test}`)) {
          const { id: _, by: __, deliveries: ___, ...rest } = one
          drafts.push({ ...rest, kind: 'recovered', at: new Date(now).toISOString() })
        }
      return drafts
    },
  }
}

/** A time in the future is not recent: some clock was ahead, and must not suppress alerts until then. */
const isRecent = (at: string, now: number) => Math.abs(now - Date.parse(at)) <= COOL_DOWN
