import { expect, test } from 'bun:test'
import { fleetOf } from '../../console/kit/server/replicas.ts'

test.each([
  [['ready'], '1 replica'],
  [['degraded'], '1 replica, degraded'],
  [['ready', 'ready', 'ready'], '3 replicas'],
  [['ready', 'lost', 'ready'], '2 of 3 ready'],
  [['degraded', 'degraded'], '0 of 2 ready'],
] as [string[], string][])('a fleet of which each is %p is said to be %p', (states, said) => {
  expect(fleetOf(states.map((state) => ({ state })))).toBe(said)
})
