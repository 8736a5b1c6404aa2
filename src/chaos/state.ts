import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Elysia } from 'elysia'
import { iso } from '../base/time.ts'
import type { Config } from '../config/config.ts'
import { chosenIn, ReplicaParameter } from '../fleet/choice.ts'
import { needs } from '../http/access.ts'
import { principalOf } from '../http/principal.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import type { Chaos } from './faults.ts'
import type { FleetChaos } from './fleet.ts'
import { ChaosState, OwnChaos } from './schema.ts'

const KEPT = 100
const PATH = '/api/chaos'

type Parts = { fleetChaos: FleetChaos; chaos: Chaos; config: Pick<Config, 'CHAOS_TOKEN'> }

/** Armed faults and their history. Reading them needs no chaos token. */
export function chaosStateRoute({ fleetChaos: fleet, chaos, config: { CHAOS_TOKEN } }: Parts) {
  const own = (): OwnChaos => ({
    enabled: CHAOS_TOKEN !== undefined,
    armed: chaos.armed().map(({ ms, until, ...one }) => ({ ...one, latency_ms: ms, until: iso(until) })),
    history: chaos.history().map(({ ms, from, to, evidence, ...one }) => ({
      ...one,
      latency_ms: ms,
      from: iso(from),
      to: to === null ? null : iso(to),
      evidence: evidence(),
    })),
  })

  /** Merges the states of the replicas `of` (all, or an id). Replicas that do not answer are listed with the reason. */
  async function joined(of: string): Promise<ChaosState> {
    const self = fleet.members.self().id
    const { answers, silent } = of === self ? { answers: [], silent: [] } : await fleet.ask(of, PATH)
    const states = [
      ...(of === 'all' || of === self ? [{ id: self, state: own() }] : []),
      ...answers.flatMap(({ id, body }) => (Value.Check(OwnChaos, body) ? [{ id, state: body }] : [])),
    ]
    const unread = answers.filter(({ id }) => !states.some((one) => one.id === id))
    const missing = [...silent, ...unread.map(({ id }) => ({ id, reason: 'its answer is invalid: it may run another release' }))]
    const mark = (id: string) => ({ replica: fleet.named(id), replica_id: id })
    return {
      enabled: states.some(({ state }) => state.enabled),
      armed: states
        .flatMap(({ id, state }) => state.armed.map((one) => ({ ...one, ...mark(id) })))
        .sort((a, b) => a.replica.localeCompare(b.replica)), // the same order on every replica
      history: states
        .flatMap(({ id, state }) => state.history.map((one) => ({ ...one, ...mark(id) })))
        .sort((a, b) => b.from.localeCompare(a.from))
        .slice(0, KEPT),
      asked: states.length + missing.length,
      answered: states.length,
      replicas: [
        ...states.map(({ id, state: { enabled } }) => ({
          id,
          replica: fleet.named(id),
          self: id === self,
          enabled,
          unanswered: null,
        })),
        ...missing.map(({ id, reason }) => ({ id, replica: fleet.named(id), self: false, enabled: null, unanswered: reason })),
      ],
    }
  }

  return new Elysia().get(
    PATH,
    async ({ query: { replica }, request }) => {
      if (replica === undefined || principalOf(request).by === 'replica') return own()
      return joined(chosenIn(replica, fleet.members) ?? fleet.members.self().id)
    },
    {
      query: Type.Object({ replica: ReplicaParameter }, OTHERS_IGNORED),
      response: { 200: ChaosState },
      detail: {
        tags: ['Operations'],
        summary: 'Armed faults, past faults, and their effects',
        ...needs('read', { peers: true }),
      },
    },
  )
}
