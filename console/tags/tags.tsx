import { useRef } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import { visible } from '../../src/base/visible.ts'
import type { Tag } from '../../src/tags/schema.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { useQuery } from '../kit/browser/query.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { count } from '../kit/parts/figures.ts'
import { Bin, Pen } from '../kit/parts/icons.tsx'
import { ListPage } from '../kit/parts/list-page.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { sameTag } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { pageIn, useNumberedList } from '../kit/server/list.ts'
import { may } from '../kit/server/scope.ts'
import { session } from '../kit/server/session.ts'
import { LONG, RenameForm, tagPath } from './rename.tsx'

/** The tags of links, with their links and clicks: finds, renames, merges and deletes them. */
export function Tags() {
  const { query, change } = useQuery()
  const { q = '', edit } = query
  const page = pageIn(query.page)
  const search = useRef<HTMLInputElement>(null)
  useKeys({ '/': () => search.current?.focus() }, { '/': 'Search' })
  const { list, reload } = useNumberedList<Tag>('/api/tags', q ? { q } : {}, { page }, edit ? 0 : 10) // no reload while a row is edited
  const writes = may('write', { bound: true })

  const remove = async ({ name, links }: Tag) => {
    const sure = await confirm({
      title: `Delete the tag ${name}?`,
      text: (
        <p>
          It is taken off <b>{counted(links, 'link')}</b>. The links stay.
        </p>
      ),
      action: 'Delete',
      danger: true,
    })
    if (!sure) return
    try {
      await call('DELETE', tagPath(name), { deadline: LONG })
      toast({ text: `Deleted the tag ${name}` })
    } catch (error) {
      toast({ tone: 'bad', text: `${name} could not be deleted: ${sentence(asApiError(error))}` })
    }
    void reload()
  }

  const columns: Column<Tag>[] = [
    {
      name: 'name',
      title: 'Tag',
      cell: ({ name }) => (
        <a href={`/console/tags/${encodeURIComponent(name)}`} title={`Statistics of ${visible(name)}`}>
          <Text of={name} />
        </a>
      ),
    },
    {
      name: 'links',
      title: 'Links',
      figure: true,
      cell: ({ name, links }) => <a href={`/console/links?${new URLSearchParams({ tag: name })}`}>{count(links)}</a>,
    },
    { name: 'people', title: 'By people', figure: true, cell: ({ clicks, bots }) => count(clicks - bots) },
    { name: 'bots', title: 'By bots', figure: true, cell: ({ bots }) => count(bots) },
    {
      name: 'last',
      title: 'Last click',
      figure: true,
      cell: ({ last_click }) => (last_click ? <Time at={last_click} /> : <span class="quiet">never</span>),
    },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (tag) =>
        writes &&
        !sameTag(tag.name, session.offered?.only_tag ?? '') && (
          <>
            <button
              type="button"
              class="quiet-button"
              aria-label={`Rename ${visible(tag.name)}`}
              title="Rename"
              aria-expanded={edit === tag.name}
              onClick={() => change({ edit: edit === tag.name ? undefined : tag.name })}
            >
              <Pen />
            </button>
            <button
              type="button"
              class="quiet-button"
              aria-label={`Delete ${visible(tag.name)}`}
              title="Delete"
              onClick={() => remove(tag)}
            >
              <Bin />
            </button>
          </>
        ),
    },
  ]

  return (
    <ListPage
      title="Tags"
      list={list}
      reload={reload}
      note={q && list.rows && 'found'}
      long
      filters={
        <search class="filters">
          <SearchField
            value={q}
            change={(text) => change({ q: text, page: undefined, edit: undefined })}
            field={search}
            placeholder="A part of the name"
            label="Search tags"
          />
        </search>
      }
      table={
        <Table
          label="Tags"
          class="all-tags"
          columns={columns}
          rows={list.rows}
          keyOf={({ name }) => name}
          dimmed={list.error !== undefined}
          detail={(tag) =>
            edit === tag.name && (
              <RenameForm
                key={tag.name}
                tag={tag}
                close={() => change({ edit: undefined })}
                renamed={() => {
                  change({ edit: undefined })
                  void reload()
                }}
              />
            )
          }
          empty={
            q || page ? (
              <Empty title="No tags match">
                <button type="button" class="button" onClick={() => change({ q: undefined, page: undefined })}>
                  Show all tags
                </button>
              </Empty>
            ) : (
              <Empty title="No tags yet">
                <p>
                  Give tags to links when you create or edit them. They group links, their statistics, and what a key may reach.
                </p>
              </Empty>
            )
          }
        />
      }
    />
  )
}
