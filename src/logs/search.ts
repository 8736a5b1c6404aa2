// Searches the ring for matching lines without blocking the server.
import { unavailable } from '../base/problem.ts'
import type { LogRing } from '../telemetry/logs.ts'
import type { LogQuery } from './query.ts'

/** A line and its sequence. */
export type Found = [sequence: number, text: string]

/** `stopped`: the last sequence that was searched, if patterns used up the time limit. */
export type FoundLines = { found: Found[]; stopped?: number }

const MAX_CHARACTERS = 1_500_000 // below the 2 MB that a replica accepts from another
const TURN = 10 // ms at a time; redirects run in between
const PATTERNS = 300 // ms that the patterns of one search may take; a typical one needs 20 for 10,000 lines
const WAITING = 10

let waiting = 0
let last: Promise<unknown> = Promise.resolve()

/**
 * Newest first, at most `limit` lines and 1.5 million characters: with only `after` the lines that follow it, else the newest. Yields
 * every 10 ms.
 * Searches with patterns run one after another and use at most half of the time; 503 if ten are waiting.
 */
export async function searchLog(ring: LogRing, query: Omit<LogQuery, 'filters'>): Promise<FoundLines> {
  if (!query.costly) return search(ring, query)
  if (waiting > WAITING) throw unavailable('too many log searches are waiting: try again in a few seconds')
  waiting++
  const turn = last.then(() => search(ring, query)).finally(() => waiting--)
  last = turn.catch(() => {})
  return turn
}

async function search(ring: LogRing, { limit, before, after, match, costly }: Omit<LogQuery, 'filters'>): Promise<FoundLines> {
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
    const text = ring.text(sequence) // undefined if it was overwritten since
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
