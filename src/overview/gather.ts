// The samples and the state of one replica, or of all, brought together from wherever they are.
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Answer, Fleetwide, Silence } from '../fleet/ask.ts'
import type { Members } from '../fleet/members.ts'
import type { Replica } from '../fleet/schema.ts'
import { unavailable } from '../http/problem.ts'
import type { Table } from './columns.ts'
import type { SampleRing } from './ring.ts'
import { type Now, Samples } from './schema.ts'

/** Which replicas: this one (undefined), `all`, or one by its id. */
export type Of = string | undefined

/** `from` up to and without `to`, in seconds since 1970. */
export type Span = { from: number; to: number; step: number }

type Part = { id: string; now: Now; table: Table }
export type Gathered = { parts: Part[]; silent: Silence[]; asked: number; answered: number }

type Parts = { ring: SampleRing; now: () => Now; members: Members; fleet: Fleetwide }

export type Gatherer = ReturnType<typeof gatherer>

const PATH = '/api/overview/samples'
const samples = TypeCompiler.Compile(Samples)

export function gatherer({ ring, now, members, fleet }: Parts) {
  const own = ({ from, to, step }: Span): Part => ({ id: members.self().id, now: now(), table: ring.read(from, to, step) })

  function take({ id, body }: Answer): Part | Silence {
    if (!samples.Check(body)) return { id, reason: 'its answer is not understood: it may be of another release' }
    const { replica, now, step, columns, rows } = body
    members.heard(id, { state: replica.state, rate: replica.rate })
    return { id, now, table: { step, columns, rows } }
  }

  return {
    /** Never throws but 404 for an id that is not known, and 503 where too much is asked at once. */
    async gather(of: Of, span: Span): Promise<Gathered> {
      if (of === undefined || of === members.self().id) return { parts: [own(span)], silent: [], asked: 1, answered: 1 }
      const path = `${PATH}?from=${span.from}&to=${span.to}&step=${span.step}`
      const answers = of === 'all' ? await fleet.all(path) : undefined
      const taken = answers
        ? answers.answers.map(take)
        : [await fleet.one(of, path)].map((one) => ('body' in one ? take(one) : one))
      const parts = [...(of === 'all' ? [own(span)] : []), ...taken.filter((one) => 'table' in one)]
      const silent = [...(answers?.silent ?? []), ...taken.filter((one) => 'reason' in one)]
      return { parts, silent, asked: parts.length + silent.length, answered: parts.length }
    },

    /** What is said beside the samples. 503 where one replica was asked for, and it did not answer. */
    describe(of: Of, { parts, silent, asked, answered }: Gathered) {
      const replicas = members.list()
      const self = replicas[0]!
      const one = of === undefined || of === 'all' ? self.id : of
      const part = parts.find(({ id }) => id === one)
      if (!part) throw unavailable(`this replica cannot be shown: ${silent[0]?.reason}`)
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
        troubles: of === 'all' ? troublesOf(replicas, parts, silent) : part.now.troubles,
      }
    },
  }
}

/** Each sentence says whose it is, where there are several; what is wrong with all of them is said once. */
function troublesOf(replicas: Replica[], parts: Part[], silent: Silence[]): string[] {
  const nameOf = (id: string) => {
    const { hostname, slot } = replicas.find((one) => one.id === id) ?? { hostname: id, slot: 0 }
    return replicas.some((other) => other.id !== id && other.hostname === hostname) ? `${hostname} (slot ${slot})` : hostname
  }
  const whose = new Map<string, string[]>()
  for (const { id, now } of parts)
    for (const trouble of now.troubles) whose.set(trouble, [...(whose.get(trouble) ?? []), nameOf(id)])
  const several = replicas.length > 1
  return [
    ...silent.map(({ id, reason }) => {
      const lost = replicas.find((one) => one.id === id)
      return lost?.state === 'lost'
        ? `${nameOf(id)} is lost: it gave no sign of life since ${lost.seen_at}.`
        : `${nameOf(id)} is left out: ${reason}.`
    }),
    ...[...whose].map(([trouble, names]) =>
      several ? `${names.length === replicas.length ? 'All replicas' : names.join(', ')}: ${trouble}` : trouble,
    ),
  ]
}
