import { useRef } from 'preact/hooks'
import type { BlockedHost } from '../../src/blocklist/schema.ts'
import { curlOf } from '../parts/command.ts'
import { confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { PageFrame } from '../parts/page.tsx'
import { Pager, totalOf } from '../parts/pager.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { toast } from '../parts/toast.tsx'
import { sentence, Trouble } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'
import { useList } from '../server/list.ts'
import { useQuery } from '../server/query.ts'
import { may } from '../server/scope.ts'
import { useKeys } from '../shell/keys.ts'
import { BlockForm } from './block-form.tsx'

/** The hosts that no link may lead to. */
export function Blocklist() {
  const { query, change } = useQuery()
  const { after, before } = query
  const { list, reload, replace } = useList<BlockedHost>('/api/blocklist', {}, { after, before })
  const host = useRef<HTMLInputElement>(null)
  const admin = may('admin')
  useKeys({ n: () => host.current?.focus() }, { n: 'Block a host' })

  const unblock = async (row: BlockedHost) => {
    const sure = await confirm({
      title: `Unblock ${row.host}?`,
      text: <p>Its links lead there again: at once here, within a second on all replicas.</p>,
      action: 'Unblock',
    })
    if (!sure) return
    try {
      await call('DELETE', `/api/blocklist/${encodeURIComponent(row.host)}`)
      replace(row.id, undefined)
      toast({ text: `Unblocked ${row.host}` })
    } catch (error) {
      toast({ tone: 'bad', text: `${row.host} stays blocked: ${sentence(asApiError(error))}` })
    }
  }

  const columns: Column<BlockedHost>[] = [
    { name: 'host', title: 'Host', cell: (row) => <code>{row.host}</code> },
    { name: 'reason', title: 'Reason', cell: ({ reason }) => reason ?? <span class="quiet">none given</span> },
    {
      name: 'links',
      title: 'Links',
      cell: (row) => (
        <a
          href={`/console/links?${new URLSearchParams({ q: row.host, show: 'blocked' })}`}
          aria-label={`show links to ${row.host}`}
        >
          show
        </a>
      ),
    },
    { name: 'created', title: 'Blocked', figure: true, cell: ({ created_at }) => <Time at={created_at} /> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (row) =>
        admin && (
          <button type="button" class="link-button" aria-label={`Unblock ${row.host}`} onClick={() => unblock(row)}>
            Unblock
          </button>
        ),
    },
  ]

  return (
    <PageFrame
      title="Blocklist"
      note={<span class="figure">{totalOf(list)} blocked here, those of BLOCKLIST_FILE beside them</span>}
    >
      {admin && (
        <section class="make" aria-label="Block a host">
          <BlockForm first={host} blocked={reload} />
        </section>
      )}
      <div class="toolbar">
        <Pager list={list} go={(place) => change({ after: place.after, before: place.before }, { step: true })} />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(list.rows || !list.error) && (
        <Table
          label="Blocked hosts"
          class="blocked-hosts"
          columns={columns}
          rows={list.rows}
          keyOf={({ id }) => id}
          dimmed={list.stale || list.error !== undefined}
          rowClass={() => 'blocked'}
          blank={4}
          empty={
            <Empty title="No host is blocked" command={curlOf('/api/blocklist', { host: 'evil.example' })}>
              <p>Links to a blocked host answer 410, and no new one can be made. Block one above, or from a terminal:</p>
            </Empty>
          }
        />
      )}
    </PageFrame>
  )
}
