// Faults on other replicas: the replica that receives a request forwards it with signed requests, and reports each replica's answer.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { invalid, unavailable } from '../base/problem.ts'
import type { Fleetwide, Silence } from '../fleet/ask.ts'
import type { Members } from '../fleet/members.ts'
import { nameOf } from '../fleet/name.ts'
import type { Chaos } from './faults.ts'
import { bodyOf, type Order } from './order.ts'
import type { Done, Fault } from './schema.ts'

export type FleetChaos = ReturnType<typeof fleetChaos>

export const PEER_PATH = '/api/chaos/own'

const Answered = Type.Object({ faults: Type.Array(Type.String(), { maxItems: 20 }) })

type Parts = { chaos: Chaos; members: Pick<Members, 'self' | 'list' | 'find'>; fleet: Pick<Fleetwide, 'tell' | 'all' | 'one'> }

export function fleetChaos({ chaos, members, fleet }: Parts) {
  const named = (id: string) => {
    const replica = members.list().find((one) => one.id === id)
    return replica ? nameOf(replica) : id
  }

  /** `of`: all, or an id (this replica's included). This replica acts last, because the fault may end the process. */
  async function onEach(of: string, order: Parameters<typeof fleet.tell>[2], here: () => Promise<Fault[]>): Promise<Done[]> {
    const self = members.self().id
    const { answers, silent } = of === self ? { answers: [], silent: [] } : await fleet.tell(of, PEER_PATH, order)
    const done = [
      ...answers.map(({ id, body }): Done => {
        const understood = Value.Check(Answered, body)
        const reason = understood ? null : 'its answer is invalid: it may run another release'
        return { id, replica: named(id), faults: understood ? body.faults : [], reason }
      }),
      ...silent.map(({ id, reason }): Done => ({ id, replica: named(id), faults: [], reason })),
    ]
    if (of === self || of === 'all') done.unshift({ id: self, replica: named(self), faults: await here(), reason: null })
    if (done.every(({ reason }) => reason !== null))
      throw unavailable(done.map(({ replica, reason }) => `${replica} failed: ${reason}`).join('; '))
    return done
  }

  return {
    members,
    named,

    /** Arms a fault on the replicas `of`. 503 if no replica did, 404 for an unknown id. */
    arm(of: string, order: Order, by: string): Promise<Done[]> {
      if (of === 'all' && order.fault === 'kill')
        throw invalid('replica', 'must be a single replica for kill: with all replicas down, nobody answers')
      return onEach(of, { method: 'POST', body: bodyOf(order, by) }, async () => {
        await chaos.arm(order.fault, order.seconds, order.share, order.ms, by)
        return [order.fault]
      })
    },

    /** Ends every fault on the replicas `of`. */
    end: (of: string): Promise<Done[]> => onEach(of, { method: 'DELETE' }, async () => chaos.endAll()),

    /** The answers of other replicas to `path`, and those that did not answer; `of` is all or an id. */
    async ask(of: string, path: string): Promise<{ answers: { id: string; body: unknown }[]; silent: Silence[] }> {
      if (of === 'all') return fleet.all(path)
      const one = await fleet.one(of, path)
      return 'body' in one ? { answers: [one], silent: [] } : { answers: [], silent: [one] }
    },
  }
}
