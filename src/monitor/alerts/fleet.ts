// Merges the alerts of several replicas: each alert has its worst state of all replicas, and the history contains all that fired anywhere.
import { Value } from '@sinclair/typebox/value'
import { type Alert, AlertStates, type Fired } from './schema.ts'

/** The alerts of one replica; `name` is its host and port. */
type Part = { id: string; name: string; states: AlertStates }

/** Access to the other replicas. */
type Others = {
  self: () => string
  /** The slot of this replica. `fromOtherSlots`: the history of other slots on this DATA_DIR, except those in `answered`. */
  place: string
  fromOtherSlots: (answered: Set<string>) => Fired[]
  nameOf: (id: string) => string
  all: (path: string) => Promise<{ answers: { id: string; body: unknown }[]; silent: { id: string; reason: string }[] }>
  /** Throws a Problem if there is no such replica. */
  one: (id: string, path: string) => Promise<{ id: string; body: unknown } | { id: string; reason: string }>
}

export type FleetAlerts = ReturnType<typeof fleetAlerts>

const KEPT = 200
export const PATH = '/api/alerts'
const UNREAD = 'its answer is invalid: it may run another release'

export function fleetAlerts(own: () => AlertStates, { self, place, fromOtherSlots, nameOf, all, one }: Others) {
  async function ask(of: string) {
    if (of === self()) return { answers: [], silent: [] }
    if (of === 'all') return all(PATH)
    const answer = await one(of, PATH)
    return 'body' in answer ? { answers: [answer], silent: [] } : { answers: [], silent: [answer] }
  }

  return {
    own,
    /** The answer to another replica. */
    forPeer: (): AlertStates => ({ ...own(), place }),
    /** The alerts of all replicas, or of one by its id. */
    async of(of: string): Promise<AlertStates> {
      const { answers, silent } = await ask(of)
      const read = answers.flatMap(({ id, body }) => (Value.Check(AlertStates, body) ? [{ id, states: body }] : []))
      const unread = answers.filter(({ id }) => !read.some((one) => one.id === id)).map(({ id }) => ({ id, reason: UNREAD }))
      const ownPart = of === 'all' || of === self() ? [{ id: self(), states: own() }] : []
      const parts = [...ownPart, ...read].map((part): Part => ({ ...part, name: nameOf(part.id) }))
      const missing = [...silent, ...unread]
      const places = new Set([place, ...read.flatMap(({ states }) => states.place ?? [])])
      return {
        alerts: joined(parts),
        history: [
          ...parts.flatMap(({ name, states }) => states.history.map((fired) => ({ ...fired, replica: name }))),
          ...(of === 'all' ? fromOtherSlots(places) : []),
        ]
          .sort((a, b) => b.from.localeCompare(a.from))
          .slice(0, KEPT),
        asked: parts.length + missing.length,
        answered: parts.length,
        silent: missing.map(({ id, reason }) => ({ id, replica: nameOf(id), reason })),
      }
    },
  }
}

const rank = ({ state, test }: Pick<Alert, 'state' | 'test'>) => (state === 'ok' ? 0 : test ? 1 : 2)

/** One alert per name: from a replica where it fires for real, else where it fires as a test, else where the value is highest. */
function joined(parts: Part[]): AlertStates['alerts'] {
  const names = [...new Set(parts.flatMap(({ states }) => states.alerts.map(({ name }) => name)))]
  return names.map((name) => {
    const each = parts.flatMap(({ id, name: replica, states }) =>
      states.alerts.filter((one) => one.name === name).map((alert) => ({ id, replica, alert })),
    )
    const worst = each.map(({ alert }) => alert).reduce((a, b) => ((rank(b) - rank(a) || b.value - a.value) > 0 ? b : a))
    const alike = each.filter(({ alert }) => rank(alert) === rank(worst)).map(({ alert }) => alert.since)
    return {
      ...worst,
      since: rank(worst) === 0 ? alike.sort().at(-1)! : alike.sort()[0]!,
      replicas: each.map(({ id, replica, alert: { state, since, value, test, until, good_since } }) => ({
        id,
        replica,
        state,
        since,
        value,
        test,
        until,
        good_since,
      })),
    }
  })
}
