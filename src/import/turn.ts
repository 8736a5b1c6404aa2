import { Problem } from '../http/problem.ts'

const MAX_WAITING = 4
let admitted = 0
let last: Promise<unknown> = Promise.resolve()

/** Runs `work` (reading a request's file, then importing it) unless one import runs and four wait: then 429. */
export async function admit<T>(work: () => Promise<T>): Promise<T> {
  if (admitted > MAX_WAITING)
    throw new Problem(429, 'too many imports are waiting, try again in a moment', { headers: { 'Retry-After': '5' } })
  admitted++
  try {
    return await work()
  } finally {
    admitted--
  }
}

/** Runs one import of this process after the other. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = last.then(work)
  last = turn.catch(() => {})
  return turn
}
