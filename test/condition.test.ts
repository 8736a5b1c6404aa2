import { expect, test } from 'bun:test'
import type { ReplicaState } from '../console/server/live.ts'
import { fleetOf } from '../console/shell/condition.ts'

test.each([
  [['ready'], '1 replica'],
  [['degraded'], '1 replica, degraded'],
  [['ready', 'ready', 'ready'], '3 replicas'],
  [['ready', 'lost', 'ready'], '2 of 3 ready'],
  [['degraded', 'degraded'], '0 of 2 ready'],
] as [ReplicaState[], string][])('a fleet of which each is %p is said to be %p', (states, said) => {
  expect(fleetOf(states.map((state) => ({ state })))).toBe(said)
})
