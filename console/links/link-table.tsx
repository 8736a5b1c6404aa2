import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { count, moment } from '../kit/parts/figures.ts'
import { QrDialog } from '../kit/parts/qr.tsx'
import { Sparkline } from '../kit/parts/sparkline.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Time } from '../kit/parts/time.tsx'
import type { Sort } from '../kit/server/list.ts'
import { may } from '../kit/server/scope.ts'
import { Actions } from './actions.tsx'
import { EditLink } from './edit-link.tsx'
import { Named } from './named.tsx'
import { useTrends } from './trends.ts'

type Props = {
  rows: Link[] | undefined
  dimmed: boolean
  fresh: ReadonlySet<number>
  chosen: ReadonlyMap<number, Link>
  /** The link that is being edited. */
  editing: number
  empty: ComponentChildren
  sorted: Sort | undefined
  sort: (by: string) => void
  choose: (links: Link[], chosen: boolean) => void
  edit: (id: number | undefined) => void
  changed: (link: Link) => void
  remove: (link: Link) => void
}

export function LinkTable({ rows, dimmed, fresh, chosen, editing, empty, sorted, sort, choose, edit, changed, remove }: Props) {
  const [coded, setCoded] = useState<Link>()
  const last = useRef(0)
  const trends = useTrends(rows)
  const writes = may('write', { bound: true })

  /** With Shift, all rows since the last one ticked. */
  const tick = (link: Link, ticked: boolean, shift: boolean) => {
    const ids = rows?.map(({ id }) => id) ?? []
    const [from, to] = [ids.indexOf(last.current), ids.indexOf(link.id)].sort((a, b) => a - b) as [number, number]
    choose(shift && from >= 0 ? rows!.slice(from, to + 1) : [link], ticked)
    last.current = link.id
  }
  const all = rows !== undefined && rows.length > 0 && rows.every(({ id }) => chosen.has(id))

  const columns: Column<Link>[] = [
    {
      name: 'tick',
      title: 'Select',
      silent: true,
      head: (
        <input
          type="checkbox"
          aria-label="Select all on this page"
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = !all && (rows?.some(({ id }) => chosen.has(id)) ?? false)
          }}
          onChange={(event) => choose(rows ?? [], event.currentTarget.checked)}
        />
      ),
      cell: (link) => (
        <input
          type="checkbox"
          aria-label={`Select ${link.short_code}`}
          checked={chosen.has(link.id)}
          onClick={(event) => tick(link, event.currentTarget.checked, event.shiftKey)}
        />
      ),
    },
    { name: 'link', title: 'Title', sort: 'title', cell: (link) => <Named link={link} /> },
    {
      name: 'owner',
      title: 'User',
      figure: true,
      cell: ({ user_id }) => user_id !== null && <a href={`/console/links?user=${user_id}`}>{user_id}</a>,
    },
    {
      name: 'clicks',
      title: 'Clicks',
      sort: 'clicks',
      figure: true,
      cell: ({ id, click_count, last_click }) => (
        <>
          {click_count > 0 && trends.has(id) && <Sparkline clicks={trends.get(id)!} />}
          <span class="sum" title={last_click ? `Last click: ${moment(last_click)}` : undefined}>
            {count(click_count)}
          </span>
        </>
      ),
    },
    { name: 'created', title: 'Created', sort: 'created', figure: true, cell: ({ created_at }) => <Time at={created_at} /> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (link) => (
        <Actions
          link={link}
          edited={editing === link.id}
          edit={edit}
          code={() => setCoded(link)}
          changed={changed}
          remove={remove}
        />
      ),
    },
  ]

  return (
    <>
      <Table
        label="Links"
        class="links"
        columns={writes ? columns : columns.slice(1)}
        rows={rows}
        keyOf={({ id }) => id}
        dimmed={dimmed}
        empty={empty}
        sorted={sorted}
        sort={sort}
        blank={12}
        rowClass={(link) =>
          `link${/active|scheduled/.test(link.state) && link.is_active ? '' : ' idle'}${fresh.has(link.id) ? ' fresh' : ''}${chosen.has(link.id) ? ' chosen' : ''}`
        }
        detail={(link) =>
          link.id === editing && <EditLink key={link.id} link={link} saved={changed} close={() => edit(undefined)} />
        }
      />
      {coded && <QrDialog name={coded.short_code} text={coded.short_url} close={() => setCoded(undefined)} />}
    </>
  )
}
