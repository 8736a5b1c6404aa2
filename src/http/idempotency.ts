// Idempotency-Key: a repeated request gets the answer of the first one. The transaction that creates stores the answer, too.
import { createHash, createHmac } from 'node:crypto'
import { invalid, Problem } from '../base/problem.ts'
import type { Resource } from '../base/resource.ts'
import { type Database, type Sql, type Transaction, type Writer, within } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import { exchangeOf } from './exchange.ts'
import { principalOf } from './principal.ts'

export const answerResource = { tables: { answers: { sequence: 'answers_number_seq' } } } satisfies Resource

const HEADER = 'Idempotency-Key'
const KEY = /^[\x21-\x7e]{1,255}$/
/** Characters of JSON. A link's answer may have 50,000. */
const MAX_ANSWER = 65_536
const MAX_ANSWERS = 1_000_000
const portion = portionUpTo(5_000)

/** `committed` is called after the commit. */
export type Created = { status: number; location: string; body: unknown; committed?: () => void }

type Set = { status?: number | string; headers: Record<string, unknown> }
type Answer = { request: string; status: number; location: string; body: string }

/** For a route's `detail`: documents the header. */
export const idempotent = {
  parameters: [
    {
      in: 'header',
      name: HEADER,
      required: false,
      schema: { type: 'string' as const, maxLength: 255 },
      description:
        'Any text that is new for each request, such as a UUID. For a day, a repeated request with the same key and body gets the same answer, and creates nothing. Another body gets 422, and a repetition while the first request is in flight gets 409.',
    },
  ],
}

/** Reads and checks the body, and returns a function that creates: with the given Writer, if there is one, whose transaction also stores the answer. */
type Create = () => Promise<(writer?: Writer) => Promise<Created>>

/**
 * Returns a function that runs `create` and returns its answer. With an Idempotency-Key, `create` runs once per caller and key, whichever replica
 * gets the repetition. Throws 400 for an invalid key, 409 while the first request is in flight, 422 for another body.
 */
export function idempotency(database: Database) {
  return async (request: Request, set: Set, body: unknown, create: Create): Promise<unknown> => {
    const key = request.headers.get(HEADER)
    if (key === null) return answer(set, await (await create())())
    if (!KEY.test(key)) throw invalid(HEADER, 'must have 1 to 255 characters of ASCII, without blanks')
    const id = idOf(request, key)
    const asked = fingerprint(request, key, body)
    const before = await database.run((sql) => find(sql, id))
    if (before) return replay(set, before, asked)
    const write = await create()
    const { created, known } = await database.transaction(async (sql) => {
      const [turn] = await sql<
        { mine: boolean }[]
      >`select pg_try_advisory_xact_lock(hashtextextended(${`answer ${id}`}, 0)) as mine`
      if (!turn!.mine) throw inFlight()
      const known = await find(sql, id)
      if (known) return { known }
      const created = await write(within(sql))
      await store(sql, id, asked, created)
      return { created }
    })
    return created ? answer(set, created) : replay(set, known!, asked)
  }
}

async function find(sql: Sql | Transaction, id: string): Promise<Answer | undefined> {
  const [known] = await (sql as Sql)<Answer[]>`
    select encode(request, 'hex') as request, status, location, body from answers
    where id = ${id} and created_at > now() - interval '1 day'`
  return known
}

async function store(sql: Transaction, id: string, request: string, { status, location, body }: Created) {
  const text = JSON.stringify(body)
  if (text.length > MAX_ANSWER)
    throw invalid(HEADER, `must not come with a body whose answer has more than ${MAX_ANSWER} characters`)
  await sql`delete from answers where id = ${id}` // over a day old
  await sql`
    insert into answers (id, request, status, location, body)
    values (${id}, decode(${request}, 'hex'), ${status}, ${location}, ${text})`
}

function replay(set: Set, { request, body, ...known }: Answer, asked: string): unknown {
  if (request !== asked) throw otherRequest()
  set.headers['Idempotent-Replayed'] = 'true'
  return answer(set, { ...known, body: JSON.parse(body) })
}

function answer(set: Set, { status, location, body, committed }: Created): unknown {
  committed?.()
  set.status = status
  set.headers.Location = location
  return body
}

/** Deletes answers that are over a day old, and the oldest above a million. */
export async function forgetAnswers(database: Database): Promise<void> {
  await inPortions(portion, async (limit) => {
    const { count } = await database.run(
      (sql) => sql`
        delete from answers where number = any(array(
          select number from (select number, created_at from answers order by number limit ${limit}) as oldest
          where created_at <= now() - interval '1 day' or number <= (select max(number) from answers) - ${MAX_ANSWERS}))`,
    )
    return count
  })
}

/** A UUID from the caller's credential and the key. Callers without one (open mode) share their keys. */
function idOf(request: Request, key: string): string {
  const { by, key: apiKey } = principalOf(request)
  return createHash('sha256')
    .update(`${apiKey ? `key ${apiKey.id}` : by}\n${key}`)
    .digest('hex')
    .slice(0, 32)
}

/** A hash keyed by the Idempotency-Key, which is not stored: a plain hash would allow guesses of a password in the body. */
const fingerprint = (request: Request, key: string, body: unknown) =>
  createHmac('sha256', key)
    .update(`${request.method} ${exchangeOf(request).route}\n${JSON.stringify(body)}`)
    .digest('hex')

const inFlight = () =>
  new Problem(409, `a request with this ${HEADER} is in flight: repeat it in a moment`, {
    details: [{ field: HEADER, message: 'is in use by a request in flight' }],
    headers: { 'Retry-After': '1' },
  })

const otherRequest = () =>
  new Problem(422, `this ${HEADER} was used with another request: use a new one`, {
    details: [{ field: HEADER, message: 'was used with another request' }],
  })
