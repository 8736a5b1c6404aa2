import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import { principalOf } from '../http/principal.ts'
import type { Fleetwide } from './ask.ts'
import type { Members } from './members.ts'
import { Fleet } from './schema.ts'

export function fleetRoutes(members: Pick<Members, 'list'>, fleet: Pick<Fleetwide, 'list'>) {
  return new Elysia({ detail: { tags: ['Operations'] } }).get(
    '/api/fleet',
    // Another replica that asks gets what is known here: it is asked itself by whoever wants to know.
    async ({ request }) => ({ replicas: principalOf(request).by === 'replica' ? members.list() : await fleet.list() }),
    {
      response: { 200: Fleet },
      detail: {
        summary: 'The replicas: who they are, how they are, where they are reached',
        description:
          'From what each writes into the database every second; while that is away, from what they answer themselves.',
        ...needs('read', { peers: true }),
      },
    },
  )
}
