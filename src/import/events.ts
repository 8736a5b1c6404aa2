import { referringHost } from '../clicks/referrer.ts'
import { NewEvent } from '../events/schema.ts'
import { id, jsonObject, optional, required, text, time } from './cells.ts'
import { readRows } from './csv.ts'
import type { CsvFile } from './csv-file.ts'
import { storeEvents } from './events-store.ts'
import { lineIndex } from './line-index.ts'
import type { Source } from './source.ts'

const columns = {
  id: optional(id),
  url_id: optional(id),
  user_id: optional(id),
  event_type: required(text(NewEvent.properties.event_type)),
  timestamp: required(time),
  details: optional(jsonObject),
}

/**
 * Imported clicks count in totals, series and referrers. Equal rows are separate events; as many as were imported before are skipped. Ids
 * are kept if they are free and below 2^48. Events of purged links are skipped: they were erased.
 */
export const eventSource: Source = {
  name: 'events',
  file: 'events.csv',
  table: 'events',
  columns,
  staged: ['line', 'url_id', 'user_id', 'event_type', 'timestamp', 'details', 'referrer', 'id', 'there'],
  read,
  store: storeEvents,
}

// The partition of imported events ends at more than twice this, at event_id_at('2025-01-01'): room for events whose id is not kept.
const MAX_KEPT_ID = 2 ** 48

function read(file: CsvFile) {
  const ids = lineIndex(file.size)
  return readRows(file, columns, ({ id, details, ...row }) => {
    const kept = id !== null && id < MAX_KEPT_ID && !ids.find(id) ? id : null
    if (kept !== null) ids.set(kept, row.line)
    const referrer = row.event_type === 'click' && details ? referringHost(details) || null : null
    return { ...row, id: kept, details: details ?? {}, referrer, there: false }
  })
}
