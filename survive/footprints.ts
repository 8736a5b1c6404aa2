// What the replicas take: throughout the run for the plot, and before and after it under the same plain load, to be compared.
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

/** The median of each replica over so many `seconds` of the plain load, with every connection of its pool open. */
export async function settledFootprints({ members }: Fleet, seconds: number): Promise<Footprint[]> {
  await Promise.all(
    members.map(({ ask }) =>
      Promise.all(Array.from({ length: CROWD }, () => ask('/users').then((answer) => answer.arrayBuffer()))),
    ),
  )
  const samples: Footprint[][] = members.map(() => [])
  for (let second = 0; second < seconds; second++) {
    await Bun.sleep(1_000)
    for (const [index, { replica }] of members.entries()) samples[index]!.push(footprint(replica.pid))
  }
  return samples.map((of) => ({
    memory: median(of.map(({ memory }) => memory)),
    descriptors: median(of.map(({ descriptors }) => descriptors)),
  }))
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Undefined where it ended meanwhile. */
function read(pid: number): Footprint | undefined {
  try {
    return footprint(pid)
  } catch {
    return undefined
  }
}
