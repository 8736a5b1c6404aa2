import { useEffect, useState } from 'preact/hooks'
import type { Event } from '../../src/events/schema.ts'
import { Details } from '../events/details.tsx'
import { Time } from '../parts/time.tsx'
import { sentence } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'

const SHOWN = 20
/** Clicks are events too, and would drown the rest. */
const CHANGES = ['created', 'updated', 'deleted']

/** What was done to a link, newest first: its audit log without the clicks. `version` asks anew where it is another. */
export function Trail({ id, version }: { id: number; version: string }) {
  const [events, setEvents] = useState<Event[]>()
  const [failure, setFailure] = useState('')
  useEffect(() => {
    trailOf(id).then(
      (found) => {
        setEvents(found)
        setFailure('')
      },
      (error) => setFailure(sentence(asApiError(error))),
    )
  }, [id, version])
  return (
    <section class="trail" aria-label="Audit trail">
      <h2>Audit trail</h2>
      {failure && <p class="failure">{failure}</p>}
      {events?.length === 0 && <p class="quiet">Nothing is recorded: the link was imported without its events.</p>}
      <ol>
        {events?.map((event) => (
          <li key={event.id}>
            <Time at={event.timestamp} />
            <span class="type">{event.event_type}</span>
            <Details {...event} />
          </li>
        ))}
      </ol>
      <a href={`/console/events?link=${id}`}>All events</a>
    </section>
  )
}

/** From the link's audit log where that holds no clicks, else each kind of change by itself. */
async function trailOf(id: number): Promise<Event[]> {
  const all = await call<Event[]>('GET', `/urls/${id}/events?order=desc&per_page=${SHOWN}`)
  if (!all.data.some(({ event_type }) => event_type === 'click')) return all.data
  const each = await Promise.all(
    CHANGES.map((type) => {
      const query = new URLSearchParams({ url_id: String(id), event_type: type, order: 'desc', per_page: String(SHOWN) })
      return call<Event[]>('GET', `/events?${query}`)
    }),
  )
  const found = each.flatMap(({ data }) => data).concat(all.data.filter(({ event_type }) => event_type !== 'click'))
  return [...new Map(found.map((event) => [event.id, event])).values()].sort((a, b) => b.id - a.id).slice(0, SHOWN)
}
