// Collects the samples and the state of one replica, or of all.
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { unavailable } from '../../base/problem.ts'
import type { Answer, Fleetwide, Silence } from '../../fleet/ask.ts'
import type { Of } from '../../fleet/choice.ts'
import type { Members } from '../../fleet/members.ts'
import { nameOf } from '../../fleet/name.ts'
import type { Replica } from '../../fleet/schema.ts'
import type { Table } from './columns.ts'
import type { History } from './history.ts'
import { type FleetProblem, mergeProblems } from './merge.ts'
import type { SampleRing } from './ring.ts'
import { type Now, Samples } from './schema.ts'
import { sentence } from './sentences.ts'

/** From `from` (inclusive) to `to` (exclusive), in seconds since 1970. */
export type Span = { from: number; to: number; step: number }

type Part = { id: string; now: Now; table: Table }
/** `tables`: the samples of the parts, and of slots whose replicas did not answer. */
export type Gathered = { parts: Part[]; tables: Table[]; silent: Silence[]; asked: number; answered: number }

type Parts = {
  ring: SampleRing
  now: () => Now
  members: Members
  fleet: Fleetwide
  /** The slot of this replica. */
  place: string
  history: Pick<History, 'ofOthers'>
  /** Counts all clicks again, which only happens while the overview is viewed. */
  recountTotal: () => void
}

export type Gatherer = ReturnType<typeof gatherer>

const PATH = '/api/overview/samples'
const samples = TypeCompiler.Compile(Samples)

export function gatherer({ ring, now, members, fleet, place, history, recountTotal }: Parts) {
  const own = ({ from, to, step }: Span): Part => ({
    id: members.self().id,
    now: now(),
    table: { ...ring.read(from, to, step), key: place },
  })

  function parse({ id, body }: Answer): Part | Silence {
    if (!samples.Check(body)) return { id, reason: 'its answer is invalid: it may run another release' }
    const { replica, now, step, columns, rows, place: key = id } = body
    members.noteSign(id, { state: replica.state, rate: replica.rate })
    return { id, now, table: { step, columns, rows, key } }
  }

  return {
    /** Throws only 404 for an unknown id, and 503 for too many requests at once. */
    async gather(of: Of, span: Span): Promise<Gathered> {
      recountTotal()
      if (of === undefined || of === members.self().id) {
        const part = own(span)
        return { parts: [part], tables: [part.table], silent: [], asked: 1, answered: 1 }
      }
      const path = `${PATH}?from=${span.from}&to=${span.to}&step=${span.step}`
      const answers = of === 'all' ? await fleet.all(path) : undefined
      const taken = answers
        ? answers.answers.map(parse)
        : [await fleet.one(of, path)].map((one) => ('body' in one ? parse(one) : one))
      const parts = [...(of === 'all' ? [own(span)] : []), ...taken.filter((one) => 'table' in one)]
      const silent = [...(answers?.silent ?? []), ...taken.filter((one) => 'reason' in one)]
      const answered = parts.map(({ table }) => table)
      const keys = new Set(answered.map(({ key = '' }) => key))
      const others = of === 'all' ? history.ofOthers(keys, span.from, span.to, span.step) : []
      const tables = [...answered, ...others]
      return { parts, tables, silent, asked: parts.length + silent.length, answered: parts.length }
    },

    /** The answer besides the samples. 503 if a single replica was requested and did not answer. */
    describe(of: Of, { parts, silent, asked, answered }: Gathered) {
      const replicas = members.list()
      const self = replicas[0]!
      const one = of === undefined || of === 'all' ? self.id : of
      const part = parts.find(({ id }) => id === one)
      if (!part) throw unavailable(`this replica does not answer: ${silent[0]?.reason}`)
      const problems = mergeProblems(of === 'all' ? parts : [part])
      return {
        replica: replicas.find(({ id }) => id === one) ?? self,
        asked,
        answered,
        now: part.now,
        replicas: replicas.map((replica) => ({
          ...replica,
          now: parts.find(({ id }) => id === replica.id)?.now,
          unanswered: silent.find(({ id }) => id === replica.id)?.reason,
        })),
        troubles: of === 'all' ? troublesOf(replicas, problems, silent, parts.length) : part.now.troubles,
        problems,
      }
    },
  }
}

/** With several replicas, each sentence names its replica. */
function troublesOf(replicas: Replica[], problems: FleetProblem[], silent: Silence[], answered: number): string[] {
  const named = (id: string) => {
    const replica = replicas.find((one) => one.id === id)
    return replica ? nameOf(replica) : id
  }
  return [
    ...silent.map(({ id, reason }) => {
      const lost = replicas.find((one) => one.id === id)
      const isLost = lost?.state === 'lost'
      return `${named(id)}: ${isLost ? sentence('replica_lost', { since: lost.seen_at }) : sentence('replica_silent', { reason })}`
    }),
    ...problems.map(({ text, replicas: whose }) => {
      if (replicas.length === 1) return text
      return `${whose.length === answered ? 'All replicas' : whose.map(named).join(', ')}: ${text}`
    }),
  ]
}
