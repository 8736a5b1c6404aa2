import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { notFound } from '../../base/problem.ts'
import { Moment } from '../../base/schema.ts'
import { needs } from '../../http/access.ts'
import { principalOf } from '../../http/principal.ts'
import { OTHERS_IGNORED } from '../../http/validation.ts'
import { type FleetAlerts, PATH } from './fleet.ts'
import { AlertStates } from './schema.ts'
import type { Alerts } from './watch.ts'

export function alertRoutes({ alerts, fleetAlerts: fleet }: { alerts: Alerts; fleetAlerts: FleetAlerts }) {
  return new Elysia({ detail: { tags: ['Operations'] } })
    .get('/alert-status', () => alerts.status(), { detail: { summary: 'State of the built-in alerts', ...needs('read') } })
    .get(
      PATH,
      async ({ query: { replica }, request }) => {
        if (principalOf(request).by === 'replica') return fleet.forPeer()
        return replica === undefined ? fleet.own() : fleet.of(replica)
      },
      {
        query: Type.Object(
          {
            replica: Type.Optional(Type.String({ description: '`all`, or the id of a replica. Unset: this one.' })),
          },
          OTHERS_IGNORED,
        ),
        response: { 200: AlertStates },
        detail: {
          summary: 'The built-in alerts with their state and history',
          ...needs('read', { peers: true }),
        },
      },
    )
    .post(
      `${PATH}/:name/test`,
      ({ params, set }) => {
        const test = alerts.test(params.name)
        if (!test) throw notFound('Alert')
        set.status = 202
        return test
      },
      {
        parse: 'none',
        params: Type.Object({ name: Type.String() }),
        response: { 202: Type.Object({ name: Type.String(), until: Moment }) },
        detail: { summary: 'Fire an alert as a test for 10 seconds, to check its notifications', ...needs('admin') },
      },
    )
}
