import type { Database } from '../database/guard.ts'

/** Writes an event to the audit log, with the time when it happened. */
export const writeEvent = (database: Database, type: string, details: Record<string, unknown>, at: Date) =>
  database.run(
    (sql) => sql`
      insert into events (id, event_type, timestamp, details)
      values (next_event_id(), ${type}, ${at.toISOString()}::timestamptz, ${sql.json(details as never)})`,
  )
