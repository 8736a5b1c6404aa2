import { useMemo, useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { useQuery } from '../kit/browser/query.ts'
import { curlOf } from '../kit/parts/command.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { Down } from '../kit/parts/icons.tsx'
import { useImport } from '../kit/parts/import.tsx'
import { ListPage } from '../kit/parts/list-page.tsx'
import { totalOf } from '../kit/parts/pager.tsx'
import { useList } from '../kit/server/list.ts'
import { may } from '../kit/server/scope.ts'
import { useChosen } from './chosen.ts'
import { exportOf, LINKS_FILE } from './csv.ts'
import { Filters } from './filters.tsx'
import { LinkTable } from './link-table.tsx'
import { NewLink } from './new-link.tsx'
import { isNew } from './offer.ts'
import { remove, useLeaving } from './removal.ts'
import { Selection } from './selection.tsx'
import { Similar } from './similar.tsx'
import { filterOf, isFiltered, RELEVANT, sortedBy, turned, viewOf } from './view.ts'

/** Creates, finds and changes links, one by one or many at once. */
export function Links() {
  const { path, query, change } = useQuery()
  const view = viewOf(query)
  const filter = filterOf(view)
  const { list, reload, replace } = useList<Link>(
    '/urls',
    filter,
    view.place,
    view.show === 'blocked' || query.edit ? 0 : 10, // the blocked ones need a scan of all links; no reload while a row is edited
    view.sort ?? (view.q ? RELEVANT : undefined),
  )
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set())
  const { chosen, every, choose, chooseEvery, renew, clear } = useChosen()
  const leaving = useLeaving()
  const target = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)
  const writes = may('write', { bound: true })
  useKeys({ n: () => target.current?.focus(), '/': () => search.current?.focus() }, { n: 'New link', '/': 'Search' })
  const csv = useImport({ what: 'links', path: '/urls/bulk', ...LINKS_FILE, done: reload }, may('write'))

  const rows = useMemo(() => list.rows?.filter(({ id }) => !leaving.has(id)), [list.rows, leaving.size])
  const changed = (link: Link) => {
    replace(link.id, link)
    renew(link)
  }
  const narrow = (part: Record<string, string | undefined>) => {
    clear()
    change({ ...part, after: undefined, before: undefined, page: undefined, edit: undefined })
  }

  return (
    <ListPage
      title="Links"
      list={list}
      reload={reload}
      note={isFiltered(view) && list.rows && 'found'}
      long
      actions={
        <>
          {csv.button}
          <a class="button" href={exportOf(filter)} download="links.csv">
            <Down /> Export
          </a>
        </>
      }
      make={
        writes ? (
          <NewLink
            first={target}
            created={(link) => {
              setFresh(new Set(fresh).add(link.id))
              void reload()
            }}
          />
        ) : (
          isNew(path) && <p class="note-line">Your key cannot create links: that needs the scope write.</p>
        )
      }
      filters={<Filters view={view} field={search} change={narrow} />}
      table={
        <LinkTable
          rows={rows}
          dimmed={list.error !== undefined}
          fresh={fresh}
          chosen={chosen}
          editing={Number(query.edit)}
          sorted={view.sort}
          sort={(by) => narrow(sortedBy(turned(by, view.sort)))}
          choose={choose}
          edit={(id) => change({ edit: id?.toString() })}
          changed={changed}
          remove={(link) => {
            choose([link], false)
            remove([link], reload)
          }}
          empty={
            isFiltered(view) || view.place.after || view.place.page ? (
              <Empty title={view.q ? `No links match “${view.q}”` : 'No links match'}>
                {!list.exact ? (
                  <p>Only the newest links were searched: the index cannot find this. Add a longer word.</p>
                ) : view.q ? (
                  <Similar filter={filter} choose={(q) => narrow({ q })} />
                ) : (
                  <p>Clear the filters to see all links.</p>
                )}
                <button
                  type="button"
                  class="button"
                  onClick={() => narrow({ q: undefined, show: undefined, user: undefined, tag: undefined, match: undefined })}
                >
                  Show all links
                </button>
              </Empty>
            ) : (
              <Empty title="No links yet" command={curlOf('/urls', { original_url: 'https://example.com' })}>
                <p>Paste an address above, drop a CSV file here, or create the first link from a terminal:</p>
              </Empty>
            )
          }
        />
      }
    >
      <Selection
        links={[...chosen.values()]}
        every={every}
        filter={filter}
        total={totalOf(list)}
        more={(list.newer ?? list.older) !== undefined && rows?.every(({ id }) => chosen.has(id)) === true}
        all={chooseEvery}
        changed={changed}
        clear={clear}
        reload={reload}
      />
      {csv.over}
    </ListPage>
  )
}
