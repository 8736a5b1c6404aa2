import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { visible } from '../../src/base/visible.ts'
import type { Link } from '../../src/links/schema.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { count, followable, parts } from '../kit/parts/figures.ts'
import { Bin, Pen, Qr } from '../kit/parts/icons.tsx'
import { QrDialog } from '../kit/parts/qr.tsx'
import { State } from '../kit/parts/state.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Tags } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { may } from '../kit/server/scope.ts'
import { EditLink } from './edit-link.tsx'
import { Switch } from './switch.tsx'

type Props = {
  rows: Link[] | undefined
  dimmed: boolean
  fresh: ReadonlySet<number>
  chosen: ReadonlyMap<number, Link>
  /** The link that is being edited. */
  editing: number
  empty: ComponentChildren
  choose: (links: Link[], chosen: boolean) => void
  edit: (id: number | undefined) => void
  changed: (link: Link) => void
  remove: (link: Link) => void
}

export function LinkTable({ rows, dimmed, fresh, chosen, editing, empty, choose, edit, changed, remove }: Props) {
  const [coded, setCoded] = useState<Link>()
  const last = useRef(0)
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
    {
      name: 'code',
      title: 'Code',
      cell: (link) => (
        <>
          <a href={`/console/links/${link.id}`}>{link.short_code}</a>
          <CopyButton text={link.short_url} />
        </>
      ),
    },
    { name: 'target', title: 'Target', cell: (link) => <Target url={link.original_url} /> },
    {
      name: 'title',
      title: 'Title',
      cell: ({ title, tags }) => (
        <>
          {title && (
            <span title={visible(title)}>
              <Text of={title} />{' '}
            </span>
          )}
          <Tags of={tags} />
        </>
      ),
    },
    {
      name: 'owner',
      title: 'User',
      figure: true,
      cell: ({ user_id }) => user_id !== null && <a href={`/console/links?user=${user_id}`}>{user_id}</a>,
    },
    { name: 'clicks', title: 'Clicks', figure: true, cell: ({ click_count }) => count(click_count) },
    {
      name: 'activity',
      title: 'State',
      cell: (link) => (
        <>
          <Switch link={link} changed={changed} disabled={!writes} />
          {link.blocked && (
            <State tone="bad" title="Its host is on the blocklist, so it returns 410">
              blocked
            </State>
          )}
        </>
      ),
    },
    { name: 'created', title: 'Created', figure: true, cell: ({ created_at }) => <Time at={created_at} /> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (link) => (
        <>
          <Action name={`QR code of ${link.short_code}`} act={() => setCoded(link)} icon={<Qr />} />
          {writes && (
            <>
              <Action
                name={`Edit ${link.short_code}`}
                act={() => edit(editing === link.id ? undefined : link.id)}
                icon={<Pen />}
                expanded={editing === link.id}
              />
              <Action name={`Delete ${link.short_code}`} act={() => remove(link)} icon={<Bin />} />
            </>
          )}
        </>
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
        blank={12}
        rowClass={(link) =>
          `link${link.is_active && !link.blocked ? '' : ' idle'}${fresh.has(link.id) ? ' fresh' : ''}${chosen.has(link.id) ? ' chosen' : ''}`
        }
        detail={(link) =>
          link.id === editing && <EditLink key={link.id} link={link} saved={changed} close={() => edit(undefined)} />
        }
      />
      {coded && <QrDialog name={coded.short_code} text={coded.short_url} close={() => setCoded(undefined)} />}
    </>
  )
}

/** The target of a link; clickable only if that is safe. */
export function Target({ url }: { url: string }) {
  const { host, rest } = parts(url)
  return (
    <a href={followable(url)} target="_blank" rel="noreferrer" title={visible(url)}>
      <Text of={host} />
      <span class="quiet">
        <Text of={rest} />
      </span>
    </a>
  )
}

type ActionProps = { name: string; icon: ComponentChildren; act: () => void; expanded?: boolean }

const Action = ({ name, icon, act, expanded }: ActionProps) => (
  <button type="button" class="quiet-button" aria-label={name} title={name.split(' ')[0]} aria-expanded={expanded} onClick={act}>
    {icon}
  </button>
)
