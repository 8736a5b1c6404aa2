import type { Event } from '../../../src/events/schema.ts'
import { Text } from './text.tsx'

/** The caller that an event names; nothing for clicks of visitors, and for events of release 0.1.0. */
export function Who({ details }: Pick<Event, 'details'>) {
  const { by, key_id, key_name } = details as Record<string, unknown>
  if (typeof by !== 'string') return null
  const name = typeof key_name === 'string' ? `key ${key_name}` : (NAMES[by] ?? by)
  return (
    <span class="who" title={typeof key_id === 'number' ? `Key ${key_id}` : undefined}>
      <Text of={by === 'session' ? `${name}, console` : name} />
    </span>
  )
}

const NAMES: Record<string, string> = {
  open: 'anyone (open mode)',
  off: 'anyone (AUTH=off)',
  'admin-token': 'admin token',
  session: 'admin token', // a session that no key opened
  'chaos-token': 'chaos token',
  server: 'Waypost',
}
