// The request parameter `replica`: which replicas a request concerns.
import { Type } from '@sinclair/typebox'
import { notFound } from '../base/problem.ts'
import type { Members } from './members.ts'

/** Undefined for the replica that answers, `all`, or another replica's id. */
export type Of = string | undefined

export const ReplicaParameter = Type.Optional(Type.String({ description: '`all`, or the id of a replica. Unset: this one.' }))

/** Problem 404 for an unknown id. This replica's own id gives undefined too. */
export function chosenIn(replica: string | undefined, members: Pick<Members, 'self' | 'find'>): Of {
  if (!replica || replica === members.self().id) return undefined
  if (replica !== 'all' && !members.find(replica)) throw notFound('Replica')
  return replica
}
