// The replicas whose logs can be shown.
import { useMemo } from 'preact/hooks'
import type { Fleet } from '../../src/fleet/schema.ts'
import { nameOf } from '../kit/server/replicas.ts'
import { useResource } from '../kit/server/resource.ts'

export type Member = { id: string; name: string; state: string }

const EVERY = 15
const NOBODY: Member[] = []

/** Undefined until it is known; empty if the server has no fleet. */
export function useMembers(): Member[] | undefined {
  const { data, error } = useResource<Fleet>('/api/fleet', { every: EVERY })
  const members = useMemo(() => data && named(data), [data])
  return members ?? (error && NOBODY)
}

const named = ({ replicas }: Fleet): Member[] =>
  replicas.map((replica) => ({ id: replica.id, name: nameOf(replica, replicas), state: replica.state }))
