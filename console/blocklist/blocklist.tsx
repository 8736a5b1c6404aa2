import { useRef } from 'preact/hooks'
import type { BlockedHost } from '../../src/blocklist/schema.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { useQuery } from '../kit/browser/query.ts'
import { curlOf } from '../kit/parts/command.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { ListPage, rowsOf } from '../kit/parts/list-page.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useList } from '../kit/server/list.ts'
import { may } from '../kit/server/scope.ts'
import { BlockForm } from './block-form.tsx'

/** The hosts that no link may lead to. */
export function Blocklist() {
  const { query } = useQuery()
  const { after, before } = query
  const { list, reload, replace } = useList<BlockedHost>('/api/blocklist', {}, { after, before })
  const host = useRef<HTMLInputElement>(null)
  const admin = may('admin')
  useKeys({ n: () => host.current?.focus() }, { n: 'Block a host' })

  const unblock = async (row: BlockedHost) => {
    const sure = await confirm({
      title: `Unblock ${row.host}?`,
      text: <p>Links to it will work again within a second, on all replicas.</p>,
      action: 'Unblock',
    })
    if (!sure) return
    try {
      await call('DELETE', `/api/blocklist/${encodeURIComponent(row.host)}`)
      replace(row.id, undefined)
      toast({ text: `Unblocked ${row.host}` })
    } catch (error) {
      toast({ tone: 'bad', text: `${row.host} could not be unblocked: ${sentence(asApiError(error))}` })
    }
  }

  const columns: Column<BlockedHost>[] = [
    {
      name: 'host',
      title: 'Host',
      cell: (row) => (
        <code>
          <Text of={row.host} />
        </code>
      ),
    },
    {
      name: 'reason',
      title: 'Reason',
      cell: ({ reason }) => (reason === null ? <span class="quiet">none</span> : <Text of={reason} />),
    },
    {
      name: 'links',
      title: 'Links',
      cell: (row) => (
        <a
          href={`/console/links?${new URLSearchParams({ q: row.host, show: 'blocked' })}`}
          aria-label={`Show links to ${row.host}`}
        >
          Show
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
    <ListPage
      title="Blocklist"
      list={list}
      reload={reload}
      note="blocked here, plus those in BLOCKLIST_FILE"
      make={
        admin && (
          <section class="make" aria-label="Block a host">
            <BlockForm first={host} blocked={reload} />
          </section>
        )
      }
      table={
        <Table
          label="Blocked hosts"
          class="blocked-hosts"
          columns={columns}
          {...rowsOf(list)}
          rowClass={() => 'blocked'}
          blank={4}
          empty={
            <Empty title="No blocked hosts" command={curlOf('/api/blocklist', { host: 'evil.example' })}>
              <p>Links to a blocked host return 410, and no new ones can be created. Block a host above, or from a terminal:</p>
            </Empty>
          }
        />
      }
    />
  )
}
