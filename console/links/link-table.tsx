import type { Link } from '../../src/links/schema.ts'
import { CopyButton } from '../parts/copy.tsx'
import type { View } from './address.ts'
import { LinkRow } from './link-row.tsx'

type Props = {
  rows: Link[] | undefined
  view: View
  dimmed: boolean
  fresh: Set<number>
  changed: (id: number, link: Link | undefined) => void
  clear: () => void
}

export function LinkTable({ rows, view, dimmed, fresh, changed, clear }: Props) {
  if (rows?.length === 0) return <Empty view={view} clear={clear} />
  return (
    <table class={dimmed ? 'links dimmed' : 'links'} aria-busy={rows === undefined}>
      <thead>
        <tr>
          <th scope="col" class="code">
            Code
          </th>
          <th scope="col" class="target">
            Target
          </th>
          <th scope="col" class="title">
            Title
          </th>
          <th scope="col" class="clicks">
            Clicks
          </th>
          <th scope="col" class="active">
            State
          </th>
          <th scope="col" class="created">
            Created
          </th>
          <th scope="col" class="actions" aria-label="Actions" />
        </tr>
      </thead>
      <tbody>
        {rows
          ? rows.map((link) => <LinkRow key={link.id} link={link} fresh={fresh.has(link.id)} changed={changed} />)
          : Array.from({ length: 12 }, (_, row) => <Blank key={row} />)}
      </tbody>
    </table>
  )
}

/** The place of a row that is on its way. */
const Blank = () => (
  <tr class="blank">
    {['code', 'target', 'title', 'clicks', 'active', 'created', 'actions'].map((name) => (
      <td key={name} class={name}>
        <span />
      </td>
    ))}
  </tr>
)

function Empty({ view, clear }: { view: View; clear: () => void }) {
  if (view.search || view.filter !== 'all' || view.page > 1)
    return (
      <div class="empty">
        <h2>No link here</h2>
        <p class="quiet">
          {view.page > 1
            ? 'This page is past the end.'
            : `Nothing ${view.filter === 'all' ? '' : `${view.filter} `}matches${view.search ? ` “${view.search}”` : ''}.`}
        </p>
        <button type="button" class="button" onClick={clear}>
          Show all links
        </button>
      </div>
    )
  const command = `curl ${location.origin}/urls -H 'Content-Type: application/json' -d '{"original_url":"https://example.com"}'`
  return (
    <div class="empty">
      <h2>No links yet</h2>
      <p class="quiet">Paste an address above, or make the first one from a terminal:</p>
      <p class="command">
        <code>{command}</code>
        <CopyButton text={command} />
      </p>
    </div>
  )
}
