// The logs of several replicas as one, by time. Another replica is asked for what anybody may ask it: GET /logs.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { unavailable } from '../http/problem.ts'
import type { LogQuery } from './log-query.ts'
import { type Found, type FoundLines, searchLog } from './log-search.ts'
import type { LogRing } from './logs.ts'

export type ReplicaLine = { replica: string; sequence: number; text: string }

/** What those replicas have that answered; `asked` and `answered` count this one too. */
export type Gathered = { pages: ({ replica: string } & FoundLines)[]; asked: number; answered: number }

/** The way to the others; `body` is what they answered, parsed. */
export type Others = {
  self: string
  all: (path: string) => Promise<{ answers: { id: string; body: unknown }[]; asked: number; answered: number }>
  /** Throws a Problem where there is no such replica. */
  one: (id: string, path: string) => Promise<{ body: unknown } | { reason: string }>
}

/** What is asked: `after` may be the positions of all, as text. */
export type Question = Omit<LogQuery, 'after'> & { after?: number | string }

export type FleetLogs = ReturnType<typeof fleetLogs>

/** Lines that a replica asks for at once. */
export const PAGE = 1_000

const Lines = Type.Object({
  stopped: Type.Optional(Type.Integer({ minimum: 0 })),
  logs: Type.Array(Type.Object({ sequence: Type.Integer({ minimum: 0 }), level: Type.String(), time: Type.String() })),
})

export function fleetLogs(ring: LogRing, { self, all, one }: Others) {
  /** Of this replica; `after` is its own position. */
  const own = (query: LogQuery) => searchLog(ring, query)

  return {
    self,
    /** Of every replica. `ownAfter` is what `after` is here. */
    async all({ after, ...question }: Question, ownAfter: number | undefined): Promise<Gathered> {
      const [here, others] = await Promise.all([own({ ...question, after: ownAfter }), all(pathOf({ ...question, after }))])
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
    /** Of one. 404 for an id that no replica has, 503 for one that does not answer. */
    async one(replica: string, query: LogQuery): Promise<FoundLines> {
      if (replica === self) return own(query)
      const answer = await one(replica, pathOf(query))
      if ('reason' in answer) throw unavailable(`this replica does not answer: ${answer.reason}`)
      const page = pageIn(answer.body)
      if (!page) throw unavailable('this replica does not answer as one of this release does')
      return page
    },
  }
}

function pathOf({ filters, limit, before, after }: Question): string {
  const numbers = Object.entries({ limit, before, after }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return `/logs?${new URLSearchParams([...Object.entries(filters), ...numbers] as [string, string][])}`
}

function pageIn(body: unknown): FoundLines | undefined {
  if (!Value.Check(Lines, body)) return undefined
  return { found: body.logs.map(({ sequence, ...line }): Found => [sequence, JSON.stringify(line)]), stopped: body.stopped }
}

/** All lines of all pages, the oldest first. */
export const joined = (pages: Gathered['pages']): ReplicaLine[] =>
  pages.flatMap(({ replica, found }) => found.map(([sequence, text]) => ({ replica, sequence, text }))).sort(byTime)

/** Of a line as pino writes it: `{"level":"info","time":"2026-11-21T16:30:16.000Z",…`. As text it sorts by itself. */
export function timeOf({ text }: Pick<ReplicaLine, 'text'>): string {
  const start = text.indexOf('"time":"') + 8
  return text.slice(start, start + 24)
}

export function byTime(a: ReplicaLine, b: ReplicaLine): number {
  const [left, right] = [timeOf(a), timeOf(b)]
  if (left !== right) return left < right ? -1 : 1
  return a.replica === b.replica ? a.sequence - b.sequence : a.replica < b.replica ? -1 : 1
}
