import { Problem } from '../base/problem.ts'

const MAX_WAITING = 4
let admitted = 0
let last: Promise<unknown> = Promise.resolve()

/** Runs `work` (read a request's file, then import it). 429 if one import runs and four wait. */
export async function admit<T>(work: () => Promise<T>): Promise<T> {
  if (admitted > MAX_WAITING)
    throw new Problem(429, 'too many imports are waiting: try again in a few seconds', { headers: { 'Retry-After': '5' } })
  admitted++
  try {
    return await work()
  } finally {
    admitted--
  }
}

/** Runs the imports of this process one after another. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = last.then(work)
  last = turn.catch(() => {})
  return turn
}
