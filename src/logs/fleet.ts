// Merges the logs of several replicas by time. Other replicas are queried with the public GET /logs.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { unavailable } from '../base/problem.ts'
import type { LogRing } from '../telemetry/logs.ts'
import type { LogQuery } from './query.ts'
import { type Found, type FoundLines, searchLog } from './search.ts'

export type ReplicaLine = { replica: string; sequence: number; text: string }

/** The lines of the replicas that answered; `asked` and `answered` include this one. */
export type Gathered = { pages: ({ replica: string } & FoundLines)[]; asked: number; answered: number }

/** Queries other replicas; `body` is the parsed answer. */
export type Others = {
  self: string
  all: (path: string) => Promise<{ answers: { id: string; body: unknown }[]; asked: number; answered: number }>
  /** Throws a Problem if there is no such replica. */
  one: (id: string, path: string) => Promise<{ body: unknown } | { reason: string }>
}

/** A query; `after` may be the positions of all replicas, as text. */
export type Question = Omit<LogQuery, 'after'> & { after?: number | string }

export type FleetLogs = ReturnType<typeof fleetLogs>

/** Lines that a replica requests at once. */
export const PAGE = 1_000

const Lines = Type.Object({
  stopped: Type.Optional(Type.Integer({ minimum: 0 })),
  logs: Type.Array(Type.Object({ sequence: Type.Integer({ minimum: 0 }), level: Type.String(), time: Type.String() })),
})

export function fleetLogs(ring: LogRing, { self, all, one }: Others) {
  /** Searches this replica; `after` is its own position. */
  const own = (query: LogQuery) => searchLog(ring, query)

  return {
    self,
    /** Searches every replica. `ownAfter` is the value of `after` for this one. */
    async all({ after, ...question }: Question, ownAfter: number | undefined): Promise<Gathered> {
      const [here, others] = await Promise.all([own({ ...question, after: ownAfter }), all(logsPath({ ...question, after }))])
      const pages = others.answers.flatMap(({ id, body }) => {
        const page = pageIn(body)
        return page ? [{ replica: id, ...page }] : []
      })
      return {
        pages: [{ replica: self, ...here }, ...pages],
        asked: others.asked,
        answered: others.answered - others.answers.length + pages.length,
      }
    },
    /** Searches one replica. 404 for an unknown id, 503 if it does not answer. */
    async one(replica: string, query: LogQuery): Promise<FoundLines> {
      if (replica === self) return own(query)
      const answer = await one(replica, logsPath(query))
      if ('reason' in answer) throw unavailable(`this replica does not answer: ${answer.reason}`)
      const page = pageIn(answer.body)
      if (!page) throw unavailable('the answer of this replica is invalid: it may run another release')
      return page
    },
  }
}

function logsPath({ filters, limit, before, after }: Question): string {
  const numbers = Object.entries({ limit, before, after }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return `/logs?${new URLSearchParams([...Object.entries(filters), ...numbers] as [string, string][])}`
}

function pageIn(body: unknown): FoundLines | undefined {
  if (!Value.Check(Lines, body)) return undefined
  return { found: body.logs.map(({ sequence, ...line }): Found => [sequence, JSON.stringify(line)]), stopped: body.stopped }
}

/** All lines of all pages, oldest first. */
export const joined = (pages: Gathered['pages']): ReplicaLine[] =>
  pages.flatMap(({ replica, found }) => found.map(([sequence, text]) => ({ replica, sequence, text }))).sort(byTime)

/** The time of a line as pino writes it: `{"level":"info","time":"2026-11-21T16:30:16.000Z",…`. Sorts as text. */
export function timeOf({ text }: Pick<ReplicaLine, 'text'>): string {
  const start = text.indexOf('"time":"') + 8
  return text.slice(start, start + 24)
}

export function byTime(a: ReplicaLine, b: ReplicaLine): number {
  const [left, right] = [timeOf(a), timeOf(b)]
  if (left !== right) return left < right ? -1 : 1
  return a.replica === b.replica ? a.sequence - b.sequence : a.replica < b.replica ? -1 : 1
}
