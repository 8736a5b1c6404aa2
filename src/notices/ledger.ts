// What was told, newest first: each replica keeps it, the database too, and what others know is merged in. Never a step back.
import { Value } from '@sinclair/typebox/value'
import { type Delivery, Notice } from './schema.ts'

const KEPT = 20

export type Ledger = ReturnType<typeof createLedger>

export function createLedger() {
  let notices: Notice[] = []

  return {
    /** Newest first. */
    all: (): readonly Notice[] => notices,

    /** The newest of an alert, tests and real ones apart; of one kind where it is given. */
    newest: (alert: string, test: boolean, kind?: Notice['kind']) =>
      notices.find((one) => one.alert === alert && one.test === test && (!kind || one.kind === kind)),

    /** Takes in what another source knows; what is no list of notices is left out. */
    merge(known: unknown) {
      if (!Array.isArray(known)) return
      const byId = new Map(notices.map((one) => [one.id, one]))
      for (const one of known) {
        if (!Value.Check(Notice, one)) continue
        const own = byId.get(one.id)
        byId.set(one.id, own ? { ...own, deliveries: own.deliveries.map((delivery) => further(delivery, one)) } : one)
      }
      notices = kept([...byId.values()].sort((a, b) => b.at.localeCompare(a.at)))
    },

    add(notice: Notice) {
      notices = kept([notice, ...notices])
    },

    /** Notes how a delivery stands now. */
    note(id: string, delivery: Delivery) {
      notices = notices.map((one) =>
        one.id === id
          ? { ...one, deliveries: one.deliveries.map((old) => (old.channel === delivery.channel ? delivery : old)) }
          : one,
      )
    },
  }
}

/** The newest twenty, and of each alert the newest of each kind: by those it is known what must be told. */
function kept(notices: Notice[]): Notice[] {
  const seen = new Set<string>()
  return notices.filter(({ alert, test, kind }, place) => {
    const key = `${alert} ${test} ${kind}`
    const newest = !seen.has(key)
    seen.add(key)
    return place < KEPT || newest
  })
}

const RANK = { pending: 0, failed: 1, sent: 2 }

function further(own: Delivery, { deliveries }: Notice): Delivery {
  const other = deliveries.find(({ channel }) => channel === own.channel)
  if (!other) return own
  const ahead = RANK[other.state] - RANK[own.state] || other.attempts - own.attempts
  return ahead > 0 ? other : own
}
