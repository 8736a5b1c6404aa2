import { useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { count } from '../parts/figures.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useKeys } from '../shell/keys.ts'
import { readView, type View, writeView } from './address.ts'
import { Filters } from './filters.tsx'
import { LinkTable } from './link-table.tsx'
import { useList } from './list.ts'
import { NewLink } from './new-link.tsx'
import { Pager } from './pager.tsx'

/** The page of links: make one, find some, change them. */
export function Links() {
  const [view, setView] = useState(readView)
  const [made, setMade] = useState<Link[]>([])
  const { list, reload, replace } = useList(view)
  const target = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)
  useKeys({ n: () => target.current?.focus(), '/': () => search.current?.focus() })

  const change = (part: Partial<View>) => {
    const next = { ...view, page: 1, ...part }
    writeView(next)
    setView(next)
    if (part.page) scrollTo({ top: 0 })
  }
  const changed = (id: number, link: Link | undefined) => {
    setMade(made.flatMap((row) => (row.id !== id ? [row] : link ? [link] : [])))
    replace(id, link)
  }

  const everything = view.page === 1 && !view.search && view.filter === 'all'
  const fresh = new Set(made.map(({ id }) => id))
  const listed = new Set(list.rows?.map(({ id }) => id))
  const rows = list.rows && everything ? [...made.filter(({ id }) => !listed.has(id)), ...list.rows] : list.rows

  return (
    <main>
      <NewLink
        first={target}
        created={(link) => {
          setMade([link, ...made])
          void reload()
        }}
      />
      <div class="heading">
        <h1>
          <span class="big figure">{list.rows ? `${list.exact ? '' : '> '}${count(list.total)}` : '–'}</span>{' '}
          {list.total === 1 ? 'link' : 'links'}
          {!everything && view.page === 1 && ' found'}
        </h1>
        <Filters view={view} field={search} change={change} />
        <Pager list={list} page={view.page} go={(page) => change({ page })} />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(rows || !list.error) && (
        <LinkTable
          rows={rows}
          view={view}
          dimmed={list.stale || list.error !== undefined}
          fresh={fresh}
          changed={changed}
          clear={() => change({ search: '', filter: 'all' })}
        />
      )}
      {rows && rows.length > 20 && <Pager list={list} page={view.page} go={(page) => change({ page })} />}
    </main>
  )
}
