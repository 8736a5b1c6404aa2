import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { sameSecret } from '../access/auth.ts'
import type { Limits } from '../access/limits/limits.ts'
import { invalid, Problem } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import { chosenIn, ReplicaParameter } from '../fleet/choice.ts'
import { fails, looksItself, needs } from '../http/access.ts'
import { exchangeOf } from '../http/exchange.ts'
import { principalOf } from '../http/principal.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import type { Chaos } from './faults.ts'
import { type FleetChaos, PEER_PATH } from './fleet.ts'
import { OrderBody, readOrder } from './order.ts'
import { type Done, FaultsDone } from './schema.ts'

const query = Type.Object({ replica: ReplicaParameter }, OTHERS_IGNORED)
const response = { 200: FaultsDone, 204: Type.Void({ description: 'Done by this replica, if none was chosen.' }) }

type Parts = { fleetChaos: FleetChaos; chaos: Chaos; config: Pick<Config, 'CHAOS_TOKEN'>; limits: Pick<Limits, 'guard'> }

/** A request without `replica` is for the replica that receives it, and gets 204 without a body. */
export function chaosRoutes({ fleetChaos: fleet, chaos, config: { CHAOS_TOKEN }, limits }: Parts) {
  /** The token is sufficient; if CHAOS_TOKEN is unset, nobody gets in. */
  const authorize = ({ request }: { request: Request }) => {
    const given = request.headers.get('x-chaos-token')
    const matches = () => (CHAOS_TOKEN && given && sameSecret(given, CHAOS_TOKEN) ? true : undefined)
    if (!given || !limits.guard(request, matches)) throw new Problem(401, 'a valid X-Chaos-Token is required')
  }
  /** `all`, or an id. */
  const chosen = (replica: string) => chosenIn(replica, fleet.members) ?? fleet.members.self().id
  const summary = (replicas: Done[]) => ({
    asked: replicas.length,
    answered: replicas.filter(({ reason }) => reason === null).length,
    replicas,
  })

  const forOperators = new Elysia({ detail: { tags: ['Operations'], ...looksItself('chaosToken') } })
    .onBeforeHandle(authorize)
    .get(
      '/chaos',
      async ({ request, query: { replica }, set }) => {
        if (replica !== undefined)
          throw invalid('replica', 'works for POST and DELETE only: GET stops the replica that receives the request')
        await chaos.arm('kill', 0, 1, 0, exchangeOf(request).id)
        set.status = 204
      },
      {
        response: { 204: Type.Void() },
        detail: { summary: 'Drain and exit 75, so that the supervisor restarts the replica', ...fails(400) },
      },
    )
    .post(
      '/chaos',
      async ({ request, query: { replica }, set }) => {
        const { by: _, ...order } = await readOrder(request)
        if (replica !== undefined) return summary(await fleet.arm(chosen(replica), order, exchangeOf(request).id))
        await chaos.arm(order.fault, order.seconds, order.share, order.ms, exchangeOf(request).id)
        set.status = 204
      },
      {
        query,
        response,
        parse: 'none',
        detail: {
          summary: 'Arm a fault, on this replica or on others',
          description: 'Without a body: kill. `replica=all` works for every fault except kill.',
          requestBody: { content: { 'application/json': { schema: OrderBody as never } } },
        },
      },
    )
    .delete(
      '/chaos',
      async ({ query: { replica }, set }) => {
        if (replica !== undefined) return summary(await fleet.end(chosen(replica)))
        chaos.endAll()
        set.status = 204
      },
      { query, response, detail: { summary: 'End every fault at once, on this replica or on others' } },
    )

  /** The replica that received the request has checked CHAOS_TOKEN. A replica without CHAOS_TOKEN accepts no faults. */
  const forReplicas = new Elysia({ detail: { hide: true, ...needs('admin', { peers: 'write' }) } })
    .onBeforeHandle(({ request }) => {
      if (principalOf(request).by !== 'replica')
        throw new Problem(403, 'only replicas may use this route: use /chaos with X-Chaos-Token')
    })
    .post(
      PEER_PATH,
      async ({ request }) => {
        if (!CHAOS_TOKEN) throw new Problem(403, 'CHAOS_TOKEN is not set on this replica')
        const { by, ...order } = await readOrder(request)
        await chaos.arm(order.fault, order.seconds, order.share, order.ms, String(by ?? '').slice(0, 64))
        return { faults: [order.fault] }
      },
      { parse: 'none' },
    )
    .delete(PEER_PATH, () => ({ faults: chaos.endAll() }))

  return new Elysia().use(forOperators).use(forReplicas)
}
