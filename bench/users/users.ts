// Users at work: each on a connection of its own, thinking half a second on average between an answer and its next request.
import { randomFrom } from '../../survive/random.ts'
import { openConnection } from './connection.ts'
import { processorTime } from './processor.ts'
import { createTally, percentiles, type Tally } from './tally.ts'
import { createWorkload, KINDS, type Kind, type Workload } from './workload.ts'

export type Run = {
  users: number
  seconds: number
  tally: Tally
  /** Connections opened; more than users where the service closed some. */
  connections: number
  /** ms that the client came too late to its own requests, p95: what the service is not to blame for. */
  late: number
  /** CPU seconds a second, by program, of this process and those it started. */
  processors: Record<string, number>
}

export const THINK = 1_000 // ms at most, from 0: 500 users make some 980 requests a second

/** Links to follow before anybody makes one; throws what the service said where it makes none. */
const FIRST_LINKS = 20

export async function openWorkload(url: URL, token?: string): Promise<Workload> {
  const workload = createWorkload(url, token)
  const connection = openConnection(url)
  const random = randomFrom(0)
  try {
    for (let i = 0; i < FIRST_LINKS; i++) {
      const { text, fault } = workload.request('shorten', random)
      const answer = await connection.ask(text)
      if (fault(answer)) throw new Refusal(answer.status, answer.body.toString())
    }
  } finally {
    connection.close()
  }
  return workload
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super(`POST /shorten answered ${status}: ${body.slice(0, 300)}`)
  }
}

/** `users` start within the longest think time; `stop` lets each end its request. */
export function startUsers(url: URL, workload: Workload, users: number, kinds: readonly Kind[] = KINDS) {
  const tally = createTally()
  const before = processorTime()
  const lateness: number[] = []
  let stopping = false

  async function user(number: number) {
    const connection = openConnection(url)
    const random = randomFrom(number) // the same in each run
    for (let step = number; ; step++) {
      const due = performance.now() + random.next() * THINK
      await Bun.sleep(due - performance.now())
      if (stopping) break
      const sent = performance.now()
      lateness.push(sent - due)
      const { kind, text, fault } = workload.request(kinds[step % kinds.length]!, random)
      const wrong = await connection.ask(text).then(fault, (error: Error) => error.message)
      tally.add(kind, sent, performance.now() - sent, wrong)
    }
    connection.close()
    return connection.opened()
  }

  const all = Array.from({ length: users }, (_, number) => user(number))
  return {
    tally,
    async stop(): Promise<Run> {
      stopping = true
      const seconds = tally.seconds()
      const after = processorTime()
      const opened = await Promise.all(all)
      const processors = Object.fromEntries(
        Object.entries(after).map(([program, spent]) => [program, (spent - (before[program] ?? 0)) / seconds]),
      )
      const connections = opened.reduce((sum, each) => sum + each, 0)
      return { users, seconds, tally, connections, late: percentiles(lateness).p95, processors }
    },
  }
}
