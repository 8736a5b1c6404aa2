import { CopyButton } from '../parts/copy.tsx'
import { Empty } from '../parts/empty.tsx'
import { count } from '../parts/figures.ts'
import { PageFrame } from '../parts/page.tsx'
import { SearchField } from '../parts/search.tsx'
import { Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAnswer } from '../server/answer.ts'
import { useQuery } from '../server/query.ts'

type Part = { name: string; version: string; licence: string }
type Answer = {
  version: string
  commit: string
  date: string
  bun: string
  postgres: string | null
  embedded: boolean
  licences: Part[]
}

/** Which Waypost this is, what it runs on, and whose work is in it. */
export function About() {
  const { query, change } = useQuery()
  const { data, error, retryAt, ask } = useAnswer<Answer>('/api/about')
  const words = (query.q ?? '').toLowerCase()
  const parts = data?.licences.filter(({ name, licence }) => `${name} ${licence}`.toLowerCase().includes(words))
  return (
    <PageFrame title="About" actions={data && <CopyButton text={told(data)} label="Copy for a report" />}>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={ask} />}
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
            <dt>Built from the state of</dt>
            <dd>{Number.isNaN(Date.parse(data.date)) ? data.date : <Time at={data.date} />}</dd>
          </div>
          <div>
            <dt>Bun</dt>
            <dd class="figure">{data.bun}</dd>
          </div>
          <div>
            <dt>PostgreSQL</dt>
            <dd class="figure">
              {data.postgres ?? 'away'} <span class="quiet">{data.embedded ? 'embedded' : 'external'}</span>
            </dd>
          </div>
        </dl>
      )}
      <div class="below-head">
        <h2>Licences {parts && <span class="quiet figure">{count(parts.length)} parts</span>}</h2>
        <SearchField label="Search parts" placeholder="Search parts" value={query.q ?? ''} change={(q) => change({ q })} />
      </div>
      {(parts || !error) && (
        <Table
          label="Licences"
          rows={parts}
          keyOf={({ name, version }) => `${name} ${version}`}
          blank={10}
          empty={
            data?.licences.length === 0 ? (
              <Empty title="No list of parts">
                This server runs from its source: the list is made when the executable is built.
              </Empty>
            ) : (
              <Empty title="No such part">
                <button type="button" class="button" onClick={() => change({ q: '' })}>
                  Show all parts
                </button>
              </Empty>
            )
          }
          columns={[
            { name: 'part-name', title: 'Part', cell: ({ name }) => name },
            { name: 'part-version', title: 'Version', figure: true, cell: ({ version }) => version },
            { name: 'part-licence', title: 'Licence', cell: ({ licence }) => licence },
          ]}
        />
      )}
    </PageFrame>
  )
}

const told = ({ version, commit, date, bun, postgres, embedded }: Answer) =>
  `Waypost ${version} (${commit}, ${date}), Bun ${bun}, PostgreSQL ${postgres ?? 'away'} (${embedded ? 'embedded' : 'external'})`
