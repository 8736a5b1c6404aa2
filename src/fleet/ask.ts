// Asks the other replicas over HTTP, all at once and for a second at most: who is late, hangs or refuses is left out, and why is said.
import { Value } from '@sinclair/typebox/value'
import { notFound, unavailable } from '../http/problem.ts'
import type { Log } from '../telemetry/logs.ts'
import { isLoopback } from './address.ts'
import type { Member, Members } from './members.ts'
import { Fleet, type Replica } from './schema.ts'
import type { Signer } from './signature.ts'

const WITHIN = 1_000
const MAX_BYTES = 2 * 1024 * 1024
const AT_ONCE = 8 // different questions to the fleet
const WAIT = 500 // doubled with each failure of a replica: it is not asked, and nobody waits for it, before that
const LONGEST_WAIT = 10_000
const CALL_EVERY = 1_000

/** What one replica answered, the parsed JSON: whoever asked checks its shape. */
export type Answer = { id: string; body: unknown }
/** Why one did not: 'it gave no answer within 1 s'. */
export type Silence = { id: string; reason: string }
/** `asked` and `answered` count this replica too. */
export type Answers = { answers: Answer[]; silent: Silence[]; asked: number; answered: number }

export type Fleetwide = ReturnType<typeof askFleet>

export function askFleet({ members, signer, log }: { members: Members; signer: Signer; log: Log }) {
  const failures = new Map<string, { at: number; count: number; reason: string }>()
  const underWay = new Map<string, Promise<Answers>>()
  let calledAt = Number.NEGATIVE_INFINITY
  let call: Promise<void> | undefined

  async function gather(path: string): Promise<Answers> {
    const others = members.others()
    for (const id of failures.keys()) if (!members.find(id)) failures.delete(id)
    const all = await Promise.all(others.map((other) => askOrRest(other, path)))
    const answers = all.filter((one) => 'body' in one)
    return {
      answers,
      silent: all.filter((one) => 'reason' in one),
      asked: all.length + 1,
      answered: answers.length + 1,
    }
  }

  /** One that failed has a rest, until it is time again or it gave a sign of life. */
  function askOrRest(member: Member, path: string): Silence | Promise<Answer | Silence> {
    const failed = failures.get(member.id)
    const rests =
      failed && member.heard < failed.at && performance.now() < failed.at + Math.min(LONGEST_WAIT, WAIT * 2 ** failed.count)
    return rests ? { id: member.id, reason: failed.reason } : ask(member, path)
  }

  async function ask(member: Member, path: string): Promise<Answer | Silence> {
    const { id } = member
    try {
      const body = await read(member, path)
      failures.delete(id)
      members.heard(id)
      return { id, body }
    } catch (error) {
      const reason = error instanceof Refused ? error.message : reasonOf(error)
      const count = (failures.get(id)?.count ?? 0) + 1
      if (count === 1 && error instanceof Refused)
        log.warn({ replica: id, url: member.url, reason }, 'another replica refuses to answer')
      failures.set(id, { at: performance.now(), count, reason })
      return { id, reason }
    }
  }

  async function read({ id, url, hostname }: Member, path: string): Promise<unknown> {
    const base = URL.parse(url ?? '')
    if (!base) throw new Refused('it has not said where it is to be reached')
    if (isLoopback(base.href) && hostname !== members.self().hostname)
      throw new Refused(`${base.origin} is its own machine to each replica: set its ADVERTISE_URL`)
    const target = new URL(path, base)
    target.searchParams.delete('replica') // what it knows itself: nobody asks through another
    const signed = signer.headers(id, target.pathname + target.search)
    if (!signed) throw new Refused('the secret that requests are signed with is not known yet')
    const response = await fetch(target, {
      headers: { ...signed, Accept: 'application/json' },
      redirect: 'manual',
      proxy: false, // of the environment: it would see the request, and could send it elsewhere
      keepalive: false, // a connection that the other side is closing would count as its failure
      signal: AbortSignal.timeout(WITHIN),
    })
    const text = await boundedText(response)
    if (!response.ok) throw new Refused(`it answered ${response.status}${sentenceIn(text)}`)
    return JSON.parse(text)
  }

  const fleet = {
    /**
     * Asks every other replica for `path`, `/logs?limit=5`; a route that is open to peers, and without its parameter `replica`. The same
     * question asked twice at once is asked once. Never throws but 503, where eight others are under way.
     */
    all(path: string): Promise<Answers> {
      const same = underWay.get(path)
      if (same) return same
      if (underWay.size >= AT_ONCE) throw unavailable('too much is asked of the fleet at once, try again in a moment')
      const answers = gather(path).finally(() => underWay.delete(path))
      underWay.set(path, answers)
      return answers
    },

    /** Asks one other replica. Problem 404 where there is none of this id. */
    one(id: string, path: string): Promise<Answer | Silence> {
      const member = members.find(id)
      if (!member) throw notFound('Replica')
      return ask(member, path)
    },

    /** The fleet as it is now: while the database does not tell who is alive, they are asked themselves, once a second at most. */
    async list(): Promise<Replica[]> {
      if (!members.told() && performance.now() - calledAt > CALL_EVERY) {
        call ??= rollCall().finally(() => {
          calledAt = performance.now()
          call = undefined
        })
      }
      await call
      return members.list()
    },
  }

  async function rollCall() {
    const { answers } = await fleet.all('/api/fleet').catch(() => ({ answers: [] }))
    for (const { id, body } of answers) {
      const itself = Value.Check(Fleet, body) ? body.replicas.find((one) => one.id === id) : undefined
      if (itself) members.heard(id, { state: itself.state, rate: itself.rate })
    }
  }

  return fleet
}

/** It answered, or needs no asking, but not with what was asked for. */
class Refused extends Error {}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength
    if (size > MAX_BYTES) throw new Refused(`its answer is longer than ${MAX_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Of a problem, `: this is why`. */
function sentenceIn(text: string): string {
  try {
    return `: ${String(JSON.parse(text).error).slice(0, 200)}`
  } catch {
    return ''
  }
}

function reasonOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string }
  if (name === 'TimeoutError') return `it gave no answer within ${WITHIN / 1000} s`
  if (name === 'SyntaxError') return 'its answer is no JSON'
  return `it cannot be reached (${code ?? name})`
}
