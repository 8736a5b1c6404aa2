import { useEffect, useRef, useState } from 'preact/hooks'
import { visible } from '../../src/base/visible.ts'
import type { Event } from '../../src/events/schema.ts'
import { SYSTEM_TYPES } from '../../src/events/system.ts'
import { useQuery } from '../kit/browser/query.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { Details } from '../kit/parts/event-details.tsx'
import { typeWords } from '../kit/parts/event-type.ts'
import { Who } from '../kit/parts/event-who.tsx'
import { count } from '../kit/parts/figures.ts'
import { ListPage, rowsOf } from '../kit/parts/list-page.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { useHeard } from '../kit/server/connection.ts'
import { useList } from '../kit/server/list.ts'
import { session } from '../kit/server/session.ts'

const TYPES = ['click', ...SYSTEM_TYPES]
const LIVE = 2
const PAUSE = 300

/** The audit log: changes of links, users, keys and hosts, and every click. Live while it shows the newest. */
export function Events() {
  const { query, change } = useQuery()
  const { type = '', link = '', user = '', after, before, live = '1', open } = query
  const follows = live === '1' && !after && !before
  const filter = { ...(type && { event_type: type }), ...(link && { url_id: link }), ...(user && { user_id: user }) }
  const { list, reload } = useList<Event>('/events', filter, { after, before }, follows ? LIVE : 0)
  const heard = useHeard()
  const isLive = follows && heard && !list.error
  const newest = useNewest(list.rows, JSON.stringify([filter, after, before]))
  const narrow = (part: Record<string, string | undefined>) =>
    change({ ...part, after: undefined, before: undefined, open: undefined })
  const filtered = Object.keys(filter).length > 0

  const columns: Column<Event>[] = [
    {
      name: 'when',
      title: 'Time',
      figure: true,
      cell: ({ timestamp }) => <Time at={timestamp} />,
    },
    {
      name: 'type',
      title: 'Type',
      cell: ({ event_type }) => (
        <button
          type="button"
          class="link-button"
          title={`Show only ${visible(typeWords(event_type))}`}
          onClick={() => narrow({ type: event_type })}
        >
          <Text of={typeWords(event_type)} />
        </button>
      ),
    },
    {
      name: 'link',
      title: 'Link',
      figure: true,
      cell: ({ url_id }) => url_id !== null && <a href={`/console/links/${url_id}`}>{url_id}</a>,
    },
    {
      name: 'owner',
      title: 'User',
      figure: true,
      cell: ({ user_id }) => user_id !== null && <a href={`/console/events?user=${user_id}`}>{user_id}</a>,
    },
    { name: 'details', title: 'Details', cell: (event) => <Details {...event} /> },
    { name: 'by', title: 'By', cell: (event) => <Who {...event} /> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: ({ id }) => (
        <button
          type="button"
          class="link-button"
          aria-expanded={open === String(id)}
          aria-label={`Event ${id} as JSON`}
          onClick={() => change({ open: open === String(id) ? undefined : String(id) })}
        >
          JSON
        </button>
      ),
    },
  ]

  return (
    <ListPage
      title="Events"
      list={list}
      reload={reload}
      note={filtered && list.rows && 'found'}
      actions={
        <button
          type="button"
          class="button live"
          aria-pressed={follows}
          onClick={() => change({ live: follows ? '0' : undefined, after: undefined, before: undefined })}
        >
          <span class={isLive ? 'sign good' : 'sign'} aria-hidden="true">
            {isLive ? '●' : '○'}
          </span>
          {isLive ? 'Live' : follows ? 'Not live' : 'Follow'}
        </button>
      }
      filters={
        <search class="filters" aria-label="Filter events">
          <label class="pick">
            <span class="label">Type</span>
            <select class="select" value={type} onChange={(event) => narrow({ type: event.currentTarget.value })}>
              <option value="">All</option>
              {[...new Set([...TYPES, ...(type ? [type] : [])])].map((known) => (
                <option key={known} value={known}>
                  {visible(typeWords(known))}
                </option>
              ))}
            </select>
          </label>
          <IdField label="Link id" value={link} change={(text) => narrow({ link: text })} />
          {session.offered?.user_id == null && session.offered?.only_tag == null && (
            <IdField label="User id" value={user} change={(text) => narrow({ user: text })} />
          )}
          {filtered && (
            <button
              type="button"
              class="link-button"
              onClick={() => narrow({ type: undefined, link: undefined, user: undefined })}
            >
              Clear filters
            </button>
          )}
        </search>
      }
      table={
        <Table
          label="Events"
          class="events"
          columns={columns}
          {...rowsOf(list)}
          rowClass={({ id }) => (newest !== undefined && id > newest ? 'event fresh' : 'event')}
          detail={(event) => open === String(event.id) && <pre class="json">{visible(JSON.stringify(event, null, 2))}</pre>}
          empty={
            <Empty
              title={filtered ? 'No events match' : 'No events yet'}
              command={filtered ? undefined : `curl -I ${location.origin}/<code>`}
            >
              <p>{filtered ? 'Change or clear the filters.' : 'Create a link, or follow one:'}</p>
            </Empty>
          }
        />
      }
    >
      <span class="unseen" role="status">
        {follows && list.rows
          ? `${count(list.rows.filter(({ id }) => newest !== undefined && id > newest).length)} new events`
          : ''}
      </span>
    </ListPage>
  )
}

/** The newest id when this view was opened: events above it are new. */
function useNewest(rows: Event[] | undefined, view: string): number | undefined {
  const [newest, setNewest] = useState<{ view: string; id: number }>()
  useEffect(() => {
    if (rows && newest?.view !== view) setNewest({ view, id: Math.max(0, ...rows.map(({ id }) => id)) })
  }, [rows, view])
  return newest?.view === view ? newest.id : undefined
}

function IdField({ label, value, change }: { label: string; value: string; change: (value: string) => void }) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  useEffect(() => {
    if (value !== sent.current) setText(value)
    sent.current = value
  }, [value])
  useEffect(() => {
    if (text === value || !/^\d*$/.test(text)) return
    const timer = setTimeout(() => {
      sent.current = text
      change(text)
    }, PAUSE)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <label class="pick">
      <span class="label">{label}</span>
      <input
        class="input figure"
        inputMode="numeric"
        value={text}
        placeholder="any"
        autocomplete="off"
        aria-invalid={!/^\d*$/.test(text)}
        onInput={(event) => setText(event.currentTarget.value.trim())}
      />
    </label>
  )
}
