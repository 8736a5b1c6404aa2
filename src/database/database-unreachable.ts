// Errors of a query that could not run for reasons outside the query.
import { LATE } from './deadline.ts'
import { hasState } from './sql-state.ts'

/** The database cannot answer now; the API sends 503 with Retry-After and `answer`. `words`: why, if known. */
export class DatabaseUnreachable extends Error {
  override name = 'DatabaseUnreachable'
  constructor(
    reason: string,
    cause?: unknown,
    readonly words?: string,
  ) {
    super(`the database is not reachable: ${reason}`, { cause })
  }
  get answer() {
    return `the database is not reachable, try again in a moment${this.words ? `: ${this.words}` : ''}`
  }
}

/** The database answered, and refuses changes for a lasting reason. */
export class DatabaseRefuses extends DatabaseUnreachable {
  override name = 'DatabaseRefuses'
  constructor(words: string, cause: unknown) {
    super(words, cause, words)
    this.message = `the database accepts no changes: ${words} (${(cause as Error).message})`
  }
  override get answer() {
    return `the database accepts no changes now: ${this.words}`
  }
}

/** The database is unreachable, and the query was not sent. */
export class DatabaseNotAsked extends DatabaseUnreachable {}

/** Whether the same work would time out again: the server cancelled it, or its deadline passed. */
export const tookTooLong = (error: unknown) =>
  error instanceof DatabaseUnreachable &&
  !(error instanceof DatabaseNotAsked) &&
  (error.cause === LATE || hasState(error.cause, 'query_canceled'))
