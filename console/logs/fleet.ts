// Which replicas there are to ask for their logs.
import { useEffect, useState } from 'preact/hooks'
import { call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'
import type { Replica, ReplicaState } from '../server/live.ts'
import { nameOf } from '../shell/condition.ts'

export type Member = { id: string; name: string; state: ReplicaState }

type Answer = { replicas: Replica[] }

/** Undefined until it is known; empty where the server that answers knows of no fleet. */
export function useMembers(): Member[] | undefined {
  const [members, setMembers] = useState<Member[]>()
  const ask = () =>
    call<Answer>('GET', '/api/fleet')
      .then(({ data }) => setMembers(named(data)))
      .catch(() => setMembers((before) => before ?? []))
  useEffect(() => void ask(), [])
  useEvery(15, ask)
  return members
}

const named = ({ replicas }: Answer): Member[] =>
  replicas.map((replica) => ({ id: replica.id, name: nameOf(replica, replicas), state: replica.state }))
