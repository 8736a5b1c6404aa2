import type { Event } from '../../src/events/schema.ts'
import { Details } from '../kit/parts/event-details.tsx'
import { typeWords } from '../kit/parts/event-type.ts'
import { Who } from '../kit/parts/event-who.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'

const SHOWN = 20
/** Clicks are events too, and would drown the rest. */
const CHANGES = ['created', 'imported', 'updated', 'alias_added', 'alias_removed', 'deleted']

/** The changes of a link, newest first: its audit log without the clicks. Another `version` loads it again. */
export function Trail({ id, version }: { id: number; version: string }) {
  const { data: events, error } = useResource(`${id} ${version}`, { ask: (signal) => trailOf(id, signal) })
  return (
    <section class="trail" aria-label="Audit trail">
      <h2>Audit trail</h2>
      {error && <p class="failure">{sentence(error)}</p>}
      {events?.length === 0 && <p class="quiet">No events: the link was imported without them.</p>}
      <ol>
        {events?.map((event) => (
          <li key={event.id}>
            <Time at={event.timestamp} />
            <span class="type">
              <Text of={typeWords(event.event_type)} />
            </span>
            <Details {...event} />
            <Who {...event} />
          </li>
        ))}
      </ol>
      <a href={`/console/events?link=${id}`}>Show all events</a>
    </section>
  )
}

/** From the link's audit log if that contains no clicks, else by one request per type. */
async function trailOf(id: number, signal: AbortSignal): Promise<Event[]> {
  const all = await call<Event[]>('GET', `/urls/${id}/events?order=desc&per_page=${SHOWN}`, { signal })
  if (!all.data.some(({ event_type }) => event_type === 'click')) return all.data
  const each = await Promise.all(
    CHANGES.map((type) => {
      const query = new URLSearchParams({ url_id: String(id), event_type: type, order: 'desc', per_page: String(SHOWN) })
      return call<Event[]>('GET', `/events?${query}`, { signal })
    }),
  )
  const found = each.flatMap(({ data }) => data).concat(all.data.filter(({ event_type }) => event_type !== 'click'))
  return [...new Map(found.map((event) => [event.id, event])).values()].sort((a, b) => b.id - a.id).slice(0, SHOWN)
}
