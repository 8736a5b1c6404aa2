import { useEffect, useRef, useState } from 'preact/hooks'
import type { Event } from '../../src/events/schema.ts'
import { Details } from '../events/details.tsx'
import { Time } from '../parts/time.tsx'
import { call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'

const LIVE = 2
const SHOWN = 12

/** The last clicks of a link, asked for every two seconds while somebody looks. `came` is called when there are new ones. */
export function RecentClicks({ id, came }: { id: number; came: () => void }) {
  const [clicks, setClicks] = useState<Event[]>()
  const first = useRef<number | undefined>(undefined)
  const load = async () => {
    const query = new URLSearchParams({ url_id: String(id), event_type: 'click', order: 'desc', per_page: String(SHOWN) })
    const answer = await call<Event[]>('GET', `/events?${query}`).catch(() => undefined) // the page says what is wrong
    if (!answer) return
    const newest = Math.max(0, ...answer.data.map((event) => event.id))
    first.current ??= newest
    setClicks((known) => {
      if (known && newest > Math.max(0, ...known.map((event) => event.id))) came()
      return answer.data
    })
  }
  useEffect(() => void load(), [id])
  useEvery(LIVE, load)

  return (
    <section class="recent" aria-label="Recent clicks">
      <h2>
        Recent clicks <span class="live-sign">● live</span>
      </h2>
      {clicks?.length === 0 && <p class="quiet">None yet. The first shows here by itself.</p>}
      <ol>
        {clicks?.map((event) => (
          <li key={event.id} class={event.id > (first.current ?? 0) ? 'fresh' : undefined}>
            <Time at={event.timestamp} />
            <Details {...event} />
          </li>
        ))}
      </ol>
      {clicks && clicks.length > 0 && <a href={`/console/events?type=click&link=${id}`}>All clicks</a>}
    </section>
  )
}
