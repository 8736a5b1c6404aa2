// Which replicas there are to ask for their logs.
import { useEffect, useState } from 'preact/hooks'
import { call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'
import type { ReplicaState } from '../server/live.ts'

export type Member = { id: string; name: string; state: ReplicaState }

type Answer = { replicas: { id: string; slot: number; hostname: string; state: ReplicaState }[] }

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

/** A host's name says most; replicas that share one are told apart by their slot. */
const named = ({ replicas }: Answer): Member[] =>
  replicas.map(({ id, slot, hostname, state }) => {
    const shared = replicas.filter((other) => other.hostname === hostname).length > 1
    return { id, name: shared ? `${hostname}/${slot}` : hostname, state }
  })
