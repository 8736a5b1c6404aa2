// Looks through the ring for the lines that are asked for, and never holds the server up with it.
import { unavailable } from '../http/problem.ts'
import type { LogQuery } from './log-query.ts'
import type { LogRing } from './logs.ts'

/** A line and its sequence. */
export type Found = [sequence: number, text: string]

/** `stopped`: the last sequence that was looked at, where patterns took all the time there was. */
export type FoundLines = { found: Found[]; stopped?: number }

const MAX_CHARACTERS = 1_500_000 // under the 2 MB that one replica takes from another
const TURN = 10 // ms at a time; redirects go between
const PATTERNS = 300 // ms that the patterns of one search may take: a usual one needs 20 for 10,000 lines
const WAITING = 10

let waiting = 0
let last: Promise<unknown> = Promise.resolve()

/**
 * Newest first, at most `limit` lines and 1.5 million characters: with `after` alone those next to it, else the newest. It gives way every 10 ms.
 * Searches with patterns go one after the other, and take half of the time at most; 503 where ten wait.
 */
export async function searchLog(ring: LogRing, query: Omit<LogQuery, 'filters'>): Promise<FoundLines> {
  if (!query.costly) return look(ring, query)
  if (waiting > WAITING) throw unavailable('too many searches of the log are waiting, try again in a moment')
  waiting++
  const turn = last.then(() => look(ring, query)).finally(() => waiting--)
  last = turn.catch(() => {})
  return turn
}

async function look(ring: LogRing, { limit, before, after, match, costly }: Omit<LogQuery, 'filters'>): Promise<FoundLines> {
  const { oldest, next } = ring.span()
  const from = Math.max(oldest, (after ?? -1) + 1)
  const to = Math.min(next, before ?? next)
  const upwards = after !== undefined && before === undefined
  const found: Found[] = []
  let characters = 0
  let spent = 0
  let stopped: number | undefined
  let turn = performance.now()
  for (let i = 0; i < to - from && found.length < limit && characters < MAX_CHARACTERS && stopped === undefined; i++) {
    const sequence = upwards ? from + i : to - 1 - i
    const text = ring.text(sequence) // may be gone by now
    if (text !== undefined && (!match || match(text))) {
      found.push([sequence, text])
      characters += text.length
    }
    const took = performance.now() - turn
    if (took < TURN) continue
    spent += took
    if (costly && spent > PATTERNS) stopped = sequence
    else await Bun.sleep(costly ? took : 0)
    turn = performance.now()
  }
  return { found: upwards ? found.reverse() : found, stopped }
}
