import type { Setting, Settings } from '../../src/server/about/schema.ts'
import { useQuery } from '../kit/browser/query.ts'
import { Choice } from '../kit/parts/choice.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { Table } from '../kit/parts/table.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useResource } from '../kit/server/resource.ts'
import { Address } from './address.tsx'

const SHOWN = [
  { value: '', word: 'All' },
  { value: 'set', word: 'Not default' },
] as const

/** Every setting with its value and source, and the address that the server uses for the reader. */
export function Config() {
  const { query, change } = useQuery()
  const { data, error, retryAt, reload } = useResource<Settings>('/api/config')

  const settings = data?.settings
  const words = (query.q ?? '').toLowerCase()
  const rows = settings?.filter(
    ({ name, value, help, source }) =>
      (query.show !== 'set' || source !== 'default') && `${name} ${value ?? ''} ${help}`.toLowerCase().includes(words),
  )
  return (
    <PageFrame
      title="Config"
      note={
        settings &&
        `${settings.filter(({ source }) => source !== 'default').length} of ${settings.length} settings differ from the default`
      }
      actions={
        <>
          <SearchField
            label="Search settings"
            placeholder="Search settings"
            value={query.q ?? ''}
            change={(q) => change({ q })}
          />
          <Choice label="Show" options={SHOWN} value={query.show === 'set' ? 'set' : ''} change={(show) => change({ show })} />
        </>
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {data && <Address {...data.caller} />}
      {(rows || !error) && (
        <Table
          label="Settings"
          rows={rows}
          keyOf={({ name }) => name}
          dimmed={error !== undefined}
          blank={12}
          empty={
            <Empty title="No settings match">
              <button type="button" class="button" onClick={() => change({ q: '', show: '' })}>
                Show all settings
              </button>
            </Empty>
          }
          columns={[
            { name: 'setting-name', title: 'Setting', cell: ({ name, help }) => <Named name={name} help={help} /> },
            { name: 'setting-value', title: 'Value', cell: Value },
            {
              name: 'setting-source',
              title: 'Source',
              cell: ({ source }) => <span class={source === 'default' ? 'quiet' : ''}>{source}</span>,
            },
          ]}
        />
      )}
    </PageFrame>
  )
}

const Named = ({ name, help }: { name: string; help: string }) => (
  <span class="titled">
    <code>{name}</code>
    <span class="quiet">{help}</span>
  </span>
)

/** Of a secret the server sends only whether it is set. */
function Value({ value, secret, set }: Setting) {
  if (secret) return <span class="quiet">{set ? 'set (hidden)' : 'not set'}</span>
  if (value === null || value === '') return <span class="quiet">not set</span>
  return <code>{value}</code>
}
