import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Config } from '../config.ts'
import { needs } from '../http/access.ts'
import type { Chaos } from './faults.ts'

const Moment = Type.String({ description: 'ISO 8601, UTC.' })
const Stretch = Type.Object({
  seconds: Type.Number(),
  requests: Type.Integer(),
  errors: Type.Integer({ description: 'Answers of 500 and above.' }),
  mean_ms: Type.Number({ description: 'What a request took.' }),
  clicks: Type.Integer({ description: 'Redirects whose click was kept.' }),
  stored: Type.Integer({ description: 'Clicks that reached the database.' }),
  dropped: Type.Integer({ description: 'Clicks lost.' }),
})
const about = {
  fault: Type.String(),
  share: Type.Number({ description: 'Of what the fault hits.' }),
  latency_ms: Type.Number(),
  by: Type.String({ description: 'Id of the request that armed it.' }),
}
const State = Type.Object({
  enabled: Type.Boolean({ description: 'Whether CHAOS_TOKEN is set.' }),
  armed: Type.Array(Type.Object({ ...about, until: Moment })),
  history: Type.Array(
    Type.Object({
      ...about,
      from: Moment,
      to: Type.Union([Moment, Type.Null()], { description: 'null while it is armed.' }),
      evidence: Type.Object(
        { before: Stretch, while: Stretch, after: Type.Union([Stretch, Type.Null()]) },
        { description: 'What this replica counted in the minute before, meanwhile, and in the minute after.' },
      ),
    }),
    { description: 'Newest first, at most 100, since the start.' },
  ),
})

/** What is armed and what was: to look needs no chaos token. */
export function chaosStateRoute(chaos: Chaos, { CHAOS_TOKEN }: Pick<Config, 'CHAOS_TOKEN'>) {
  const iso = (time: number) => new Date(time).toISOString()
  return new Elysia().get(
    '/api/chaos',
    () => ({
      enabled: CHAOS_TOKEN !== undefined,
      armed: chaos.armed().map(({ ms, until, ...one }) => ({ ...one, latency_ms: ms, until: iso(until) })),
      history: chaos.history().map(({ ms, from, to, evidence, ...one }) => ({
        ...one,
        latency_ms: ms,
        from: iso(from),
        to: to === null ? null : iso(to),
        evidence: evidence(),
      })),
    }),
    {
      response: { 200: State },
      detail: { tags: ['Operations'], summary: 'Faults that are armed, those that were, and what they did', ...needs('read') },
    },
  )
}
