// Memory and descriptors of the replicas: throughout the run for the plot, and at stages under the same load, to compare.
import type { Client } from './client.ts'
import type { Fleet, Member } from './fleet.ts'
import { footprint } from './processes.ts'

/** Megabytes of memory, and descriptors. */
export type Footprint = ReturnType<typeof footprint>
/** Of each replica, `at` seconds of the run; undefined while it was not running. */
export type Sample = { at: number; replicas: (Footprint | undefined)[] }
/** Of each replica; `pid` says whether it is the same process as at another stage. */
export type Settled = (Footprint & { pid: number })[]

const EVERY = 5_000

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

/**
 * Before it is looked at, each process gets as old as the others in all that it keeps by design or grows into: the 10,000 lines of the log, the memory
 * cache, the code that JavaScriptCore compiles where it is used often. By that alone 97 MB grew to 130 within 8 minutes of plain load, to 137 in 16.
 */
const BRISK = { times: 6, seconds: 60 }
const LINES = { count: 10_000, aSecond: 180 } // the access log writes 200 at most
/** Garbage collection makes memory a saw of 15 MB, so it is the median of a sample a second. */
const LOOKS = 120
const REST = 45_000 // nginx keeps idle connections for 20 s, replicas for 30
/** As many queries at once as a pool has connections, and more: so that each is open whether the replica is old or young. */
const CROWD = 40

/** What each takes under the plain load, once warm; its descriptors with every connection of its pool open, and without those of visitors. */
export async function settledFootprints({ members }: Fleet, client: Client): Promise<Settled> {
  client.pace(BRISK.times)
  await Bun.sleep(BRISK.seconds * 1000)
  client.pace(1)
  await Promise.all(members.map(fillLog))
  const memory: number[][] = members.map(() => [])
  for (let look = 0; look < LOOKS; look++) {
    await Bun.sleep(1_000)
    members.forEach(({ replica }, index) => memory[index]!.push(read(replica.pid)?.memory ?? Number.NaN))
  }
  const crowd = members.flatMap(({ ask }) =>
    Array.from({ length: CROWD }, () => ask('/users').then((answer) => answer.arrayBuffer())),
  )
  await Promise.allSettled(crowd)
  client.rest(true)
  await Bun.sleep(REST)
  const found = members.map(({ replica: { pid } }, index) => ({
    pid,
    memory: median(memory[index]!),
    descriptors: read(pid)?.descriptors ?? Number.NaN,
  }))
  client.rest(false)
  return found
}

async function fillLog({ ask }: Member) {
  for (let lines = 0; lines < LINES.count; lines += LINES.aSecond) {
    const reads = Array.from({ length: LINES.aSecond }, () => ask('/urls/0').then((answer) => answer.arrayBuffer()))
    await Promise.all([Promise.allSettled(reads), Bun.sleep(1_000)])
  }
}

/** The most that one of the replicas grew to, from any stage to the last: 1.1 is 10 % more. Undefined where there are no stages. */
export function growth(stages: Settled[], what: keyof Footprint): number | undefined {
  const last = stages.at(-1)
  const ratios = stages.slice(0, -1).flatMap((stage) => stage.map((one, index) => last![index]![what] / one[what]))
  return ratios.length > 0 ? Math.max(...ratios) : undefined
}

/** 1.1 as "+10 %". */
export function percent(ratio: number | undefined): string {
  if (ratio === undefined) return ''
  const rounded = Math.round((ratio - 1) * 100)
  return `${rounded < 0 ? '−' : '+'}${Math.abs(rounded)} %`
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

/** Undefined if it has ended. */
function read(pid: number): Footprint | undefined {
  try {
    return footprint(pid)
  } catch {
    return undefined
  }
}
