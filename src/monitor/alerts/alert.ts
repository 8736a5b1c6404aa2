// The type of a built-in alert: a value that is read every few seconds, a limit, and the texts for both.
import type { Grown } from './growth.ts'
import type { Sources } from './sources.ts'

/** Causes shared by several alerts, which are then shown in one line. */
export type SharedCause = 'database' | 'shared_cache' | 'replica'

export type Alert<Name extends string = string> = {
  /** Its name in the API, and the title of its section in docs/runbook.md. */
  name: Name
  /** The alert fires while the value is above this. */
  limit: number
  /** The unit of the value and of the limit. */
  unit: string
  /** When it fires, for the table of docs/alerts.md: no capital, no full stop. */
  when: string
  /** What it means, in one or two sentences: for the console, notifications and docs/alerts.md. */
  help: string
  /** An additional log line when it starts to fire for real, unless something else logs the problem. */
  logLine?: string
  /** Unset: the alert is its own cause. */
  cause?: SharedCause
  /** If it starts during a problem with the database, it counts as a consequence of that. */
  followsDatabase?: true
  /** The value; with `fires` if the alert ends at a different value than it starts. */
  read: (sources: Sources, grown: Grown) => number | { value: number; fires: boolean }
}
