// What the replicas take: throughout the run for the plot, and before and after it under the same plain load, to be compared.
import type { Client } from './client.ts'
import type { Fleet } from './fleet.ts'
import { footprint } from './processes.ts'

/** Megabytes of memory, and descriptors. */
export type Footprint = ReturnType<typeof footprint>
/** Of each replica, `at` seconds of the run; undefined where it did not live. */
export type Sample = { at: number; replicas: (Footprint | undefined)[] }

const EVERY = 5_000
/** As many queries at once as a pool has connections, and more: so that each is open whether the replica is old or young. */
const CROWD = 40

/** Samples from now on; the function that it returns ends that and has them. */
export function watchFootprints({ members }: Fleet, began: number): () => Sample[] {
  const samples: Sample[] = []
  const timer = setInterval(() => {
    const replicas = members.map(({ replica }) => (replica.lives() ? read(replica.pid) : undefined))
    samples.push({ at: (Date.now() - began) / 1000, replicas })
  }, EVERY)
  return () => {
    clearInterval(timer)
    return samples
  }
}

const REST = 45_000 // nginx keeps idle connections for 20 s, replicas for 30

/**
 * What each takes after so many `minutes` of the plain load: with every connection of its pool open, and, where there is time for that (`rest`), without
 * those of visitors, of which nginx keeps now more, now fewer.
 */
export async function settledFootprints(
  { members }: Fleet,
  client: Client,
  { minutes, rest }: { minutes: number; rest: boolean },
): Promise<Footprint[]> {
  await Bun.sleep(minutes * 60_000)
  const crowd = members.flatMap(({ ask }) =>
    Array.from({ length: CROWD }, () => ask('/users').then((answer) => answer.arrayBuffer())),
  )
  await Promise.allSettled(crowd)
  if (rest) {
    client.rest(true)
    await Bun.sleep(REST)
  }
  const found = members.map(({ replica }) => footprint(replica.pid))
  client.rest(false)
  return found
}

/** Undefined where it ended meanwhile. */
function read(pid: number): Footprint | undefined {
  try {
    return footprint(pid)
  } catch {
    return undefined
  }
}
