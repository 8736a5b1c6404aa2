import { useEffect, useRef, useState } from 'preact/hooks'
import type { Event } from '../../src/events/schema.ts'
import { Empty } from '../parts/empty.tsx'
import { count } from '../parts/figures.ts'
import { PageFrame } from '../parts/page.tsx'
import { Pager, totalOf } from '../parts/pager.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useList } from '../server/list.ts'
import { useQuery } from '../server/query.ts'
import { Details } from './details.tsx'

const TYPES = ['click', 'created', 'updated', 'deleted', 'key_created', 'key_revoked', 'host_blocked', 'host_unblocked']
const LIVE = 2
const PAUSE = 300

/** What happened to links, users, keys and hosts, and every click: live while the newest are looked at. */
export function Events() {
  const { query, change } = useQuery()
  const { type = '', link = '', user = '', after, before, live = '1', open } = query
  const follows = live === '1' && !after && !before
  const filter = { ...(type && { event_type: type }), ...(link && { url_id: link }), ...(user && { user_id: user }) }
  const { list, reload } = useList<Event>('/events', filter, { after, before }, follows ? LIVE : 0)
  const newest = useNewest(list.stale ? undefined : list.rows, JSON.stringify([filter, after, before]))
  const narrow = (part: Record<string, string | undefined>) =>
    change({ ...part, after: undefined, before: undefined, open: undefined })
  const filtered = Object.keys(filter).length > 0

  const columns: Column<Event>[] = [
    {
      name: 'when',
      title: 'When',
      figure: true,
      cell: ({ timestamp }) => <Time at={timestamp} />,
    },
    {
      name: 'type',
      title: 'Type',
      cell: ({ event_type }) => (
        <button type="button" class="link-button" title={`Only ${event_type}`} onClick={() => narrow({ type: event_type })}>
          {event_type}
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
    {
      name: 'actions',
      title: 'All of it',
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
    <PageFrame
      title="Events"
      note={
        <span class="figure">
          {totalOf(list)}
          {filtered && ' found'}
        </span>
      }
      actions={
        <button
          type="button"
          class="button live"
          aria-pressed={follows}
          onClick={() => change({ live: follows ? '0' : undefined, after: undefined, before: undefined })}
        >
          <span class={follows ? 'sign good' : 'sign'} aria-hidden="true">
            {follows ? '●' : '○'}
          </span>
          {follows ? 'Live' : 'Follow'}
        </button>
      }
    >
      <div class="toolbar">
        <search class="filters" aria-label="Filter events">
          <label class="pick">
            <span class="label">Type</span>
            <select class="select" value={type} onChange={(event) => narrow({ type: event.currentTarget.value })}>
              <option value="">all</option>
              {[...new Set([...TYPES, ...(type ? [type] : [])])].map((known) => (
                <option key={known} value={known}>
                  {known}
                </option>
              ))}
            </select>
          </label>
          <IdField label="Link id" value={link} change={(text) => narrow({ link: text })} />
          <IdField label="User id" value={user} change={(text) => narrow({ user: text })} />
          {filtered && (
            <button
              type="button"
              class="link-button"
              onClick={() => narrow({ type: undefined, link: undefined, user: undefined })}
            >
              Clear
            </button>
          )}
        </search>
        <Pager
          list={list}
          go={(place) => change({ after: place.after, before: place.before, open: undefined }, { step: true })}
        />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(list.rows || !list.error) && (
        <Table
          label="Events"
          class="events"
          columns={columns}
          rows={list.rows}
          keyOf={({ id }) => id}
          dimmed={list.stale || list.error !== undefined}
          rowClass={({ id }) => (newest !== undefined && id > newest ? 'event fresh' : 'event')}
          detail={(event) => open === String(event.id) && <pre class="json">{JSON.stringify(event, null, 2)}</pre>}
          empty={
            <Empty
              title={filtered ? 'No such event' : 'Nothing has happened yet'}
              command={filtered ? undefined : `curl -I ${location.origin}/<code>`}
            >
              <p>{filtered ? 'Nothing matches what is asked for above.' : 'Make a link, or follow one:'}</p>
            </Empty>
          }
        />
      )}
      <span class="unseen" role="status">
        {follows && list.rows
          ? `${count(list.rows.filter(({ id }) => newest !== undefined && id > newest).length)} new events`
          : ''}
      </span>
    </PageFrame>
  )
}

/** The newest id when this view was opened: what is above it came while somebody looked. */
function useNewest(rows: Event[] | undefined, view: string): number | undefined {
  const [newest, setNewest] = useState<{ view: string; id: number }>()
  useEffect(() => {
    if (rows && newest?.view !== view) setNewest({ view, id: Math.max(0, ...rows.map(({ id }) => id)) })
  }, [rows, view])
  return newest?.view === view ? newest.id : undefined
}

function IdField({ label, value, change }: { label: string; value: string; change: (value: string) => void }) {
  const [text, setText] = useState(value)
  const said = useRef(value)
  useEffect(() => {
    if (value !== said.current) setText(value)
    said.current = value
  }, [value])
  useEffect(() => {
    if (text === value || !/^\d*$/.test(text)) return
    const timer = setTimeout(() => {
      said.current = text
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
