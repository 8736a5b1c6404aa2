import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import { principalOf } from '../http/principal.ts'
import type { Fleetwide } from './ask.ts'
import type { Members } from './members.ts'
import { Fleet, Targets } from './schema.ts'

type Parts = { members: Pick<Members, 'list'>; fleet: Pick<Fleetwide, 'list'> }

export function fleetRoutes({ members, fleet }: Parts) {
  return new Elysia({ detail: { tags: ['Operations'] } })
    .get(
      '/api/fleet',
      // Another replica gets what is known here, and queries the others itself.
      async ({ request }) => ({ replicas: principalOf(request).by === 'replica' ? members.list() : await fleet.list() }),
      {
        response: { 200: Fleet },
        detail: {
          summary: 'The replicas: their identity, state and address',
          description: 'From their heartbeats in the database; while it is unreachable, from their own answers.',
          ...needs('read', { peers: true }),
        },
      },
    )
    .get(
      '/api/fleet/targets',
      () =>
        members.list().flatMap(({ url, slot, state }) => {
          const { protocol, host } = URL.parse(url ?? '') ?? {}
          if (!protocol || !host || state === 'lost') return []
          return { targets: [host], labels: { __scheme__: protocol.slice(0, -1), slot: String(slot) } }
        }),
      {
        response: { 200: Targets },
        detail: {
          summary: 'The addresses of the replicas, for Prometheus (http_sd_configs)',
          description: 'Without replicas that give no sign of life.',
          ...needs('metrics'),
        },
      },
    )
}
