import { useEffect, useRef } from 'preact/hooks'
import type { Event } from '../../src/events/schema.ts'
import { Details } from '../kit/parts/event-details.tsx'
import { Time } from '../kit/parts/time.tsx'
import { useHeard } from '../kit/server/connection.ts'
import { useResource } from '../kit/server/resource.ts'

const LIVE = 2
const SHOWN = 12

/** The last clicks of a link, requested every two seconds while the tab is visible. Calls `came` when there are new ones. */
export function RecentClicks({ id, came }: { id: number; came: () => void }) {
  const heard = useHeard()
  const query = new URLSearchParams({ url_id: String(id), event_type: 'click', order: 'desc', per_page: String(SHOWN) })
  // The page shows the error.
  const { data: clicks, error } = useResource<Event[]>(`/events?${query}`, { every: LIVE })
  const newest = clicks && Math.max(0, ...clicks.map((event) => event.id))
  const first = useRef(newest)
  first.current ??= newest
  useEffect(() => {
    if (newest !== first.current) came()
  }, [newest])

  return (
    <section class="recent" aria-label="Recent clicks">
      <h2>Recent clicks {heard && !error ? <span class="live-sign">● live</span> : <span class="quiet">○ not live</span>}</h2>
      {clicks?.length === 0 && <p class="quiet">No clicks yet. New clicks appear here.</p>}
      <ol>
        {clicks?.map((event) => (
          <li key={event.id} class={event.id > (first.current ?? 0) ? 'fresh' : undefined}>
            <Time at={event.timestamp} />
            <Details {...event} />
          </li>
        ))}
      </ol>
      {clicks && clicks.length > 0 && <a href={`/console/events?type=click&link=${id}`}>Show all clicks</a>}
    </section>
  )
}
