// Queries the other replicas over HTTP, all at once, with a time limit of a second: those that fail are left out, with the reason.
import { Value } from '@sinclair/typebox/value'
import { backOff } from '../base/back-off.ts'
import { isLoopback } from '../base/ip.ts'
import { notFound, unavailable } from '../base/problem.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Member, Members } from './members.ts'
import { isAskable } from './row.ts'
import { Fleet, type Replica } from './schema.ts'
import type { Signer } from './signature.ts'

const WITHIN = 1_000
const DONE_WITHIN = 3_000 // for a command to another replica
const MAX_BYTES = 2 * 1024 * 1024
const AT_ONCE = 8 // different queries to the fleet
const FIRST_WAIT = 1_000 // doubled with each failure of a replica: until then it is skipped, and nobody waits for it
const LONGEST_WAIT = 10_000
const CALL_EVERY = 1_000

/** One replica's answer, the parsed JSON, whose shape the caller checks. */
export type Answer = { id: string; body: unknown }
/** Why a replica did not answer: 'it gave no answer within 1 s'. */
export type Silence = { id: string; reason: string }
/** `asked` and `answered` count this replica too. */
export type Answers = { answers: Answer[]; silent: Silence[]; asked: number; answered: number }

/** A command to another replica; `body` is sent as JSON. */
export type Order = { method: 'POST' | 'DELETE'; body?: object }

export type Fleetwide = ReturnType<typeof askFleet>

export function askFleet({ members, signer, log }: { members: Members; signer: Signer; log: Log }) {
  const failures = new Map<string, { at: number; count: number; reason: string }>()
  const inFlight = new Map<string, Promise<Answers>>()
  let calledAt = Number.NEGATIVE_INFINITY
  let roll: Promise<void> | undefined

  async function gather(path: string): Promise<Answers> {
    const others = members.others()
    for (const id of failures.keys()) if (!members.find(id)) failures.delete(id)
    const all = await Promise.all(others.map((other) => askUnlessResting(other, path)))
    const answers = all.filter((one) => 'body' in one)
    return {
      answers,
      silent: all.filter((one) => 'reason' in one),
      asked: all.length + 1,
      answered: answers.length + 1,
    }
  }

  /** A replica that failed is skipped until its wait is over or it gave a sign of life. */
  function askUnlessResting(member: Member, path: string): Silence | Promise<Answer | Silence> {
    const failed = failures.get(member.id)
    const rests =
      failed && member.heardAt < failed.at && performance.now() < failed.at + backOff(failed.count, FIRST_WAIT, LONGEST_WAIT)
    return rests ? { id: member.id, reason: failed.reason } : ask(member, path)
  }

  async function ask(member: Member, path: string): Promise<Answer | Silence> {
    const { id } = member
    try {
      const body = await read(member, path)
      failures.delete(id)
      members.noteSign(id)
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

  async function read({ id, url, hostname }: Member, path: string, order?: Order): Promise<unknown> {
    const base = URL.parse(url ?? '')
    if (!base || !isAskable(url)) throw new Refused('it has not advertised its address yet')
    if (isLoopback(base.hostname) && hostname !== members.self().hostname)
      throw new Refused(`${base.origin} means a different machine on each host: set its ADVERTISE_URL`)
    const target = new URL(path, base)
    target.searchParams.delete('replica') // queries are never forwarded
    const body = order?.body === undefined ? '' : JSON.stringify(order.body)
    const signed = signer.headers(id, target.pathname + target.search, order && { method: order.method, body })
    if (!signed) throw new Refused('the secret that signs requests is not known yet')
    const response = await fetch(target, {
      method: order?.method ?? 'GET',
      headers: { ...signed, Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
      body: body || undefined,
      redirect: 'manual',
      proxy: false, // a proxy of the environment would see the request, and could redirect it
      keepalive: false, // a connection that the other side is closing would count as a failure
      signal: AbortSignal.timeout(order ? DONE_WITHIN : WITHIN),
    })
    const text = await boundedText(response)
    if (!response.ok)
      throw Object.assign(new Refused(`it answered ${response.status}${sentenceIn(text)}`), { status: response.status })
    return JSON.parse(text)
  }

  async function command(member: Member, path: string, order: Order): Promise<Answer | Silence> {
    const { id } = member
    try {
      const body = await read(member, path, order)
      members.noteSign(id)
      return { id, body }
    } catch (error) {
      if (error instanceof Refused)
        return { id, reason: isUnknown(error) ? `its release ${member.version} does not support this` : error.message }
      return { id, reason: reasonOf(error, DONE_WITHIN) }
    }
  }

  const fleet = {
    /**
     * Queries every other replica for `path`, `/logs?limit=5`, of a route that is open to peers, without its parameter `replica`. Identical concurrent
     * queries are merged. Never throws, except 503 if eight others are in flight.
     */
    all(path: string): Promise<Answers> {
      const same = inFlight.get(path)
      if (same) return same
      if (inFlight.size >= AT_ONCE) throw unavailable('too many queries to the fleet are in flight, try again in a moment')
      const answers = gather(path).finally(() => inFlight.delete(path))
      inFlight.set(path, answers)
      return answers
    },

    /** Queries one other replica. Problem 404 for an unknown id. */
    one(id: string, path: string): Promise<Answer | Silence> {
      const member = members.find(id)
      if (!member) throw notFound('Replica')
      return ask(member, path)
    },

    /**
     * Sends a command to one other replica, or to all, each with 3 s: by a route that is open to peers for that. Skips none, and retries nothing: a replica
     * without an answer may have done it. Problem 404 for an unknown id.
     */
    async tell(of: string, path: string, order: Order): Promise<Pick<Answers, 'answers' | 'silent'>> {
      const one = of === 'all' ? undefined : members.find(of)
      if (of !== 'all' && !one) throw notFound('Replica')
      const all = await Promise.all((one ? [one] : members.others()).map((member) => command(member, path, order)))
      return { answers: all.filter((one) => 'body' in one), silent: all.filter((one) => 'reason' in one) }
    },

    /** The current fleet: while the database cannot tell who is alive, queries the replicas themselves, at most once a second. */
    async list(): Promise<Replica[]> {
      if (!members.hasReported() && performance.now() - calledAt > CALL_EVERY) {
        roll ??= rollCall().finally(() => {
          calledAt = performance.now()
          roll = undefined
        })
      }
      await roll
      return members.list()
    },
  }

  async function rollCall() {
    const { answers } = await fleet.all('/api/fleet').catch(() => ({ answers: [] }))
    for (const { id, body } of answers) {
      const itself = Value.Check(Fleet, body) ? body.replicas.find((one) => one.id === id) : undefined
      if (itself) members.noteSign(id, { state: itself.state, rate: itself.rate })
    }
  }

  return fleet
}

/** The replica answered, or needs no query, but without the requested data. */
class Refused extends Error {
  /** The status of its answer, if there was one. */
  status = 0
}

/** A release without the route sends these. */
const isUnknown = ({ status }: Refused) => status === 404 || status === 405

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

/** The text of a problem: `: this is why`. */
function sentenceIn(text: string): string {
  try {
    return `: ${String(JSON.parse(text).error).slice(0, 200)}`
  } catch {
    return ''
  }
}

function reasonOf(error: unknown, within = WITHIN): string {
  const { name, code } = error as { name?: string; code?: string }
  if (name === 'TimeoutError') return `it gave no answer within ${within / 1000} s`
  if (name === 'SyntaxError') return 'its answer is not JSON'
  return `it is unreachable (${code ?? name})`
}
