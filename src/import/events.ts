import type { Database } from '../database/guard.ts'
import { NewEvent } from '../events/schema.ts'
import { id, jsonObject, optional, required, text, time } from './cells.ts'
import { readRows } from './csv.ts'
import { storeEvents } from './events-store.ts'
import { importFile, type Progress, type Source } from './load.ts'

const columns = {
  id: optional(id),
  url_id: optional(id),
  user_id: optional(id),
  event_type: required(text(NewEvent.properties.event_type)),
  timestamp: required(time),
  details: optional(jsonObject),
}

/**
 * Imports an events.csv; clicks count in totals, series and referrers. Equal rows are equal events, and as many as were imported before
 * are already there. Ids are kept where they are free and below 2^48. Events of purged links are left out: they were erased.
 */
export const importEvents = (database: Database, file: Uint8Array, progress?: Progress) =>
  importFile(database, eventSource, file, progress)

export const eventSource: Source = { file: 'events.csv', table: 'events', staging: 'import_events', read, store: storeEvents }

// The partition of imported events ends over twice as far, at event_id_at('2025-01-01'): room for those whose id is not kept.
const MAX_KEPT_ID = 2 ** 48

function read(file: Uint8Array) {
  const ids = new Set<number>()
  return readRows(file, columns, ({ id, details, ...row }) => {
    const kept = id !== null && id < MAX_KEPT_ID && !ids.has(id) ? id : null
    if (kept !== null) ids.add(kept)
    const referrer = row.event_type === 'click' && details ? hostOf(details.referrer ?? details.referer) : null
    return { ...row, id: kept, details: details ?? {}, referrer, there: false }
  })
}

/** The host of a referrer, which is a URL or the host alone. */
function hostOf(referrer: unknown): string | null {
  if (typeof referrer !== 'string') return null
  const url = URL.parse(referrer)?.hostname ? URL.parse(referrer) : URL.parse(`http://${referrer}`)
  return url?.hostname.slice(0, 256) || null
}
