// The notifications sent, newest first. Each replica and the database keep a copy; copies are merged, and a delivery's state never goes
// back.
import { Value } from '@sinclair/typebox/value'
import { type Delivery, Notification } from './schema.ts'

const KEPT = 20
/** The limit including the newest of each alert: other releases may have further alerts, but not this many. */
const KEPT_AT_MOST = 100
const LONGEST = 20_000 // characters of one notification as JSON
/** ms. A notification further in the future was written with a wrong clock, and would stay the newest. */
const MAX_AHEAD = 300_000
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

export type Ledger = ReturnType<typeof createLedger>

export function createLedger() {
  let notifications: Notification[] = []

  return {
    /** Newest first. */
    all: (): readonly Notification[] => notifications,

    /** The newest notification of an alert, tests and real ones separately; of one kind if given. */
    newest: (alert: string, test: boolean, kind?: Notification['kind']) =>
      notifications.find((one) => one.alert === alert && one.test === test && (!kind || one.kind === kind)),

    /** Merges the list of another replica or of the database. Ignores invalid entries and those from the future. */
    merge(known: unknown, now = Date.now()) {
      if (!Array.isArray(known)) return
      const isPast = ({ at }: Notification) => MOMENT.test(at) && Date.parse(at) <= now + MAX_AHEAD
      notifications = notifications.filter(isPast) // this machine's clock may have been ahead too
      const byId = new Map(notifications.map((one) => [one.id, one]))
      for (const one of known) {
        if (!Value.Check(Notification, one) || !isPast(one) || JSON.stringify(one).length > LONGEST) continue
        const own = byId.get(one.id)
        byId.set(one.id, own ? { ...own, deliveries: own.deliveries.map((delivery) => further(delivery, one)) } : one)
      }
      notifications = kept([...byId.values()].sort((a, b) => b.at.localeCompare(a.at)))
    },

    add(notification: Notification) {
      notifications = kept([notification, ...notifications])
    },

    /** Updates the state of a delivery. */
    note(id: string, delivery: Delivery) {
      notifications = notifications.map((one) =>
        one.id === id
          ? { ...one, deliveries: one.deliveries.map((old) => (old.channel === delivery.channel ? delivery : old)) }
          : one,
      )
    },
  }
}

/** Keeps the newest twenty, and the newest of each alert and kind: those decide what must be sent next. */
function kept(notifications: Notification[]): Notification[] {
  const seen = new Set<string>()
  return notifications
    .filter(({ alert, test, kind }, place) => {
      const key = `${alert} ${test} ${kind}`
      const newest = !seen.has(key)
      seen.add(key)
      return place < KEPT || newest
    })
    .slice(0, KEPT_AT_MOST)
}

const RANK = { pending: 0, failed: 1, sent: 2 }

function further(own: Delivery, { deliveries }: Notification): Delivery {
  const other = deliveries.find(({ channel }) => channel === own.channel)
  if (!other) return own
  const ahead = RANK[other.state] - RANK[own.state] || other.attempts - own.attempts
  return ahead > 0 ? other : own
}
