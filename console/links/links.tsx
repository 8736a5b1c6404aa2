import { useMemo, useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { LinkPage } from '../link/link.tsx'
import { curlOf } from '../parts/command.ts'
import { CsvImport, useDrop } from '../parts/csv-import.tsx'
import { Empty } from '../parts/empty.tsx'
import { Down, Up } from '../parts/icons.tsx'
import { PageFrame } from '../parts/page.tsx'
import { Pager, totalOf } from '../parts/pager.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useList } from '../server/list.ts'
import { useQuery } from '../server/query.ts'
import { may } from '../server/scope.ts'
import { useKeys } from '../shell/keys.ts'
import { useRoute } from '../shell/route.ts'
import { LINKS_FILE } from './csv.ts'
import { Filters } from './filters.tsx'
import { LinkTable } from './link-table.tsx'
import { NewLink } from './new-link.tsx'
import { remove, useLeaving } from './removal.ts'
import { Selection } from './selection.tsx'
import { filterOf, isFiltered, viewOf } from './view.ts'

/** The links, or one of them: /console/links/42. */
export function Links() {
  const [, id] = useRoute().path.split('/')
  return id ? <LinkPage key={id} id={id} /> : <LinkList />
}

/** Make a link, find some, change them one by one or many at once. */
function LinkList() {
  const { query, change } = useQuery()
  const view = viewOf(query)
  const filter = filterOf(view)
  const { list, reload, replace } = useList<Link>('/urls', filter, view.place, view.show === 'blocked' ? 0 : 10) // every link is looked at for that
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set())
  const [chosen, setChosen] = useState<ReadonlyMap<number, Link>>(new Map())
  const [importing, setImporting] = useState<{ file?: File }>()
  const leaving = useLeaving()
  const target = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)
  const writes = may('write', { bound: true })
  const imports = may('write')
  useKeys({ n: () => target.current?.focus(), '/': () => search.current?.focus() }, { n: 'New link', '/': 'Search' })
  const dropping = useDrop((file) => imports && setImporting({ file }))

  const rows = useMemo(() => list.rows?.filter(({ id }) => !leaving.has(id)), [list.rows, leaving.size])
  const changed = (link: Link) => {
    replace(link.id, link)
    setChosen((known) => (known.has(link.id) ? new Map(known).set(link.id, link) : known))
  }
  const choose = (links: Link[], on: boolean) => {
    const next = new Map(chosen)
    for (const link of links) on ? next.set(link.id, link) : next.delete(link.id)
    setChosen(next)
  }
  const narrow = (part: Record<string, string | undefined>) => {
    setChosen(new Map())
    change({ ...part, after: undefined, before: undefined, edit: undefined })
  }
  const turn = ({ after, before }: { after?: string; before?: string }) => {
    change({ after, before, edit: undefined }, { step: true })
    scrollTo({ top: 0 })
  }

  return (
    <PageFrame
      title="Links"
      note={
        <span class="figure">
          {totalOf(list)}
          {isFiltered(view) && ' found'}
        </span>
      }
      actions={
        <>
          {imports && (
            <button type="button" class="button" onClick={() => setImporting({})}>
              <Up /> Import
            </button>
          )}
          <a class="button" href={`/api/export/links.csv?${new URLSearchParams(filter)}`} download="links.csv">
            <Down /> Export
          </a>
        </>
      }
    >
      {writes && (
        <NewLink
          first={target}
          created={(link) => {
            setFresh(new Set(fresh).add(link.id))
            void reload()
          }}
        />
      )}
      <div class="toolbar">
        <Filters view={view} field={search} change={narrow} />
        <Pager list={list} go={turn} />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(rows || !list.error) && (
        <LinkTable
          rows={rows}
          dimmed={list.stale || list.error !== undefined}
          fresh={fresh}
          chosen={chosen}
          editing={Number(query.edit)}
          choose={choose}
          edit={(id) => change({ edit: id?.toString() })}
          changed={changed}
          remove={(link) => {
            choose([link], false)
            remove([link], reload)
          }}
          empty={
            isFiltered(view) || view.place.after ? (
              <Empty title="No link here">
                <p>Nothing matches what is asked for above.</p>
                <button type="button" class="button" onClick={() => narrow({ q: undefined, show: undefined, user: undefined })}>
                  Show all links
                </button>
              </Empty>
            ) : (
              <Empty title="No links yet" command={curlOf('/urls', { original_url: 'https://example.com' })}>
                <p>Paste an address above, drop a CSV file here, or make the first one from a terminal:</p>
              </Empty>
            )
          }
        />
      )}
      {rows && rows.length > 20 && <Pager list={list} go={turn} below />}
      <Selection chosen={chosen} clear={() => setChosen(new Map())} changed={changed} reload={reload} />
      {dropping && imports && (
        <p class="drop-here" role="status">
          Drop the file to import links
        </p>
      )}
      {importing && (
        <CsvImport
          what="links"
          path="/urls/bulk"
          {...LINKS_FILE}
          file={importing.file}
          close={() => setImporting(undefined)}
          done={reload}
        />
      )}
    </PageFrame>
  )
}
