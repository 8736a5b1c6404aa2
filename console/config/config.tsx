import { Choice } from '../parts/choice.tsx'
import { Empty } from '../parts/empty.tsx'
import { PageFrame } from '../parts/page.tsx'
import { SearchField } from '../parts/search.tsx'
import { Table } from '../parts/table.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAnswer } from '../server/answer.ts'
import { useQuery } from '../server/query.ts'
import { Address, type Caller } from './address.tsx'

type Setting = {
  name: string
  value: string | null
  secret: boolean
  set: boolean
  source: 'flag' | 'environment' | 'file' | 'default'
  help: string
}

const SHOWN = [
  { value: '', word: 'all' },
  { value: 'set', word: 'not default' },
] as const

/** Every setting as it is in force, where it comes from, and what the server takes the reader's address for. */
export function Config() {
  const { query, change } = useQuery()
  const { data, error, retryAt, ask } = useAnswer<{ settings: Setting[]; caller: Caller }>('/api/config')

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
        `${settings.filter(({ source }) => source !== 'default').length} of ${settings.length} settings are not the default`
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
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={ask} />}
      {data && <Address {...data.caller} />}
      {(rows || !error) && (
        <Table
          label="Settings"
          rows={rows}
          keyOf={({ name }) => name}
          dimmed={error !== undefined}
          blank={12}
          empty={
            <Empty title="No such setting">
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
              title: 'From',
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

/** A secret never came here: only whether it is set. */
function Value({ value, secret, set }: Setting) {
  if (secret) return <span class="quiet">{set ? 'set, not shown' : 'not set'}</span>
  if (value === null || value === '') return <span class="quiet">not set</span>
  return <code>{value}</code>
}
