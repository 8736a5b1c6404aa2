// Why the embedded database does not start, in words: it aborts alike for a full disk and for damage, so its log must tell.
import { causeIn } from './causes.ts'
import { versionOf } from './embedded-version.ts'

/** `words`: what is wrong, for everyone. `said`: the message of PostgreSQL or the system. */
export type Failure = { words: string; said: string }

export const DAMAGED = 'it is damaged: restore a backup'

/** The cluster is gone: it was removed while a process used it, or its disk was. */
class Gone extends Error {
  override name = 'Gone'
}

/** Throws if there is no cluster in `folder` any more. */
export function assertThere(folder: string) {
  if (versionOf(folder) === undefined) throw new Gone(`${folder} has no PG_VERSION`)
}

/** Explains `error` by the last lines of PostgreSQL's log. */
export function failureIn(lines: string[], error: unknown): Failure {
  const text = error instanceof Error ? error.message : String(error)
  if (error instanceof Gone) return { words: 'its files are missing: put them back, or restore a backup', said: text }
  const fatal = lines.findLastIndex((line) => SERIOUS.test(line))
  const said =
    fatal < 0
      ? text
      : lines
          .slice(fatal, fatal + 2)
          .map(bare)
          .filter(Boolean)
          .join(' ')
  return { words: causeIn(`${said} ${text}`) ?? (fatal < 0 ? 'it did not start' : DAMAGED), said }
}

const SERIOUS = /\b(PANIC|FATAL):|^postgres: /

/** The message of a log line, without time, process and details for PostgreSQL's developers. */
const bare = (line: string) => (/\b(PANIC|FATAL|DETAIL): +(.*)/.exec(line)?.[2] ?? /^postgres: (.*)/.exec(line)?.[1] ?? '').trim()
