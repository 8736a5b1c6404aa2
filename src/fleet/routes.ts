import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import { principalOf } from '../http/principal.ts'
import type { Fleetwide } from './ask.ts'
import type { Members } from './members.ts'
import { Fleet } from './schema.ts'

type Parts = { members: Pick<Members, 'list'>; fleet: Pick<Fleetwide, 'list'> }

export function fleetRoutes({ members, fleet }: Parts) {
  return new Elysia({ detail: { tags: ['Operations'] } }).get(
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
}
