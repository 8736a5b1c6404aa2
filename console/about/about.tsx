import type { About as AboutAnswer } from '../../src/server/about/schema.ts'
import { useQuery } from '../kit/browser/query.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { count } from '../kit/parts/figures.ts'
import { PageFrame } from '../kit/parts/page.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { Table } from '../kit/parts/table.tsx'
import { Time } from '../kit/parts/time.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useResource } from '../kit/server/resource.ts'

/** The version of Waypost, what it runs on, and the licences of its components. */
export function About() {
  const { query, change } = useQuery()
  const { data, error, retryAt, reload } = useResource<AboutAnswer>('/api/about')
  const words = (query.q ?? '').toLowerCase()
  const parts = data?.licences.filter(({ name, licence }) => `${name} ${licence}`.toLowerCase().includes(words))
  return (
    <PageFrame title="About" actions={data && <CopyButton text={diagnosticsOf(data)} label="Copy diagnostics" />}>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {data && (
        <dl class="particulars">
          <div>
            <dt>Waypost</dt>
            <dd class="figure">{data.version}</dd>
          </div>
          <div>
            <dt>Commit</dt>
            <dd>
              <code>{data.commit}</code>
            </dd>
          </div>
          <div>
            <dt>Source date</dt>
            <dd>{Number.isNaN(Date.parse(data.date)) ? data.date : <Time at={data.date} />}</dd>
          </div>
          <div>
            <dt>Bun</dt>
            <dd class="figure">{data.bun}</dd>
          </div>
          <div>
            <dt>PostgreSQL</dt>
            <dd class="figure">
              {data.postgres ?? 'unreachable'} <span class="quiet">{data.embedded ? 'embedded' : 'external'}</span>
            </dd>
          </div>
        </dl>
      )}
      <div class="below-head">
        <h2>Licences {parts && <span class="quiet figure">{count(parts.length)} components</span>}</h2>
        <SearchField
          label="Search components"
          placeholder="Search components"
          value={query.q ?? ''}
          change={(q) => change({ q })}
        />
      </div>
      {(parts || !error) && (
        <Table
          label="Licences"
          rows={parts}
          keyOf={({ name, version }) => `${name} ${version}`}
          blank={10}
          empty={
            data?.licences.length === 0 ? (
              <Empty title="No licences listed">This server runs from source. The list is part of the built executable.</Empty>
            ) : (
              <Empty title="No components match">
                <button type="button" class="button" onClick={() => change({ q: '' })}>
                  Show all components
                </button>
              </Empty>
            )
          }
          columns={[
            { name: 'part-name', title: 'Component', cell: ({ name }) => name },
            { name: 'part-version', title: 'Version', figure: true, cell: ({ version }) => version },
            { name: 'part-licence', title: 'Licence', cell: ({ licence }) => licence },
          ]}
        />
      )}
    </PageFrame>
  )
}

const diagnosticsOf = ({ version, commit, date, bun, postgres, embedded }: AboutAnswer) =>
  `Waypost ${version} (${commit}, ${date}), Bun ${bun}, PostgreSQL ${postgres ?? 'unreachable'} (${embedded ? 'embedded' : 'external'})`
