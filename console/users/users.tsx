import { useRef, useState } from 'preact/hooks'
import type { User } from '../../src/users/schema.ts'
import { curlOf } from '../parts/command.ts'
import { CsvImport, useDrop } from '../parts/csv-import.tsx'
import { confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { count } from '../parts/figures.ts'
import { Bin, Pen, Up } from '../parts/icons.tsx'
import { PageFrame } from '../parts/page.tsx'
import { Pager, totalOf } from '../parts/pager.tsx'
import { SearchField } from '../parts/search.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { toast } from '../parts/toast.tsx'
import { sentence, Trouble } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'
import { useList } from '../server/list.ts'
import { useQuery } from '../server/query.ts'
import { may } from '../server/scope.ts'
import { useKeys } from '../shell/keys.ts'
import { UserForm } from './user-form.tsx'

const FILE = {
  columns: { required: ['username', 'email'], optional: ['id', 'created_at'] },
  template: 'username,email\nada,ada@example.com\n',
}

/** Whose the links are: find, make, change, delete with all that is theirs. */
export function Users() {
  const { query, change } = useQuery()
  const { q = '', after, before, edit } = query
  const { list, reload, replace } = useList<User>('/users', filterOf(q), { after, before })
  const [importing, setImporting] = useState<{ file?: File }>()
  const search = useRef<HTMLInputElement>(null)
  const name = useRef<HTMLInputElement>(null)
  const writes = may('write')
  useKeys({ n: () => name.current?.focus(), '/': () => search.current?.focus() }, { n: 'New user', '/': 'Search' })
  const dropping = useDrop((file) => writes && setImporting({ file }))

  const remove = async (user: User) => {
    const owned = await call<unknown>('GET', `/users/${user.id}/urls?per_page=1`).then(
      ({ headers }) =>
        `${headers.get('X-Total-Exact') === 'false' ? 'more than ' : ''}${count(Number(headers.get('X-Total-Count')))}`,
      () => 'all',
    )
    const sure = await confirm({
      title: `Delete ${user.username}?`,
      text: (
        <p>
          With the user go <b>{owned === '1' ? '1 link' : `${owned} links`}</b>, their events, and the user’s API keys. Their
          codes are never issued again. There is no way back.
        </p>
      ),
      action: 'Delete',
      danger: true,
      type: user.username,
    })
    if (!sure) return
    try {
      await call('DELETE', `/users/${user.id}`)
      replace(user.id, undefined)
      toast({ text: `Deleted ${user.username}` })
    } catch (error) {
      toast({ tone: 'bad', text: `${user.username} could not be deleted: ${sentence(asApiError(error))}` })
    }
  }

  const columns: Column<User>[] = [
    { name: 'id', title: 'Id', figure: true, cell: ({ id }) => id },
    {
      name: 'username',
      title: 'Username',
      cell: (user) => (
        <a href={`/console/links?user=${user.id}`} title={`Links of ${user.username}`}>
          {user.username}
        </a>
      ),
    },
    { name: 'email', title: 'E-mail', cell: ({ email }) => <a href={`mailto:${encodeURIComponent(email)}`}>{email}</a> },
    { name: 'created', title: 'Created', figure: true, cell: ({ created_at }) => <Time at={created_at} /> },
    { name: 'more', title: 'Events', cell: ({ id }) => <a href={`/console/events?user=${id}`}>events</a> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (user) =>
        writes && (
          <>
            <button
              type="button"
              class="quiet-button"
              aria-label={`Edit ${user.username}`}
              title="Edit"
              aria-expanded={edit === String(user.id)}
              onClick={() => change({ edit: edit === String(user.id) ? undefined : String(user.id) })}
            >
              <Pen />
            </button>
            <button
              type="button"
              class="quiet-button"
              aria-label={`Delete ${user.username}`}
              title="Delete"
              onClick={() => remove(user)}
            >
              <Bin />
            </button>
          </>
        ),
    },
  ]

  return (
    <PageFrame
      title="Users"
      note={
        <span class="figure">
          {totalOf(list)}
          {q && ' found'}
        </span>
      }
      actions={
        writes && (
          <button type="button" class="button" onClick={() => setImporting({})}>
            <Up /> Import
          </button>
        )
      }
    >
      {writes && (
        <section class="make" aria-label="New user">
          <UserForm first={name} saved={reload} />
        </section>
      )}
      <div class="toolbar">
        <search class="filters">
          <SearchField
            value={q}
            change={(text) => change({ q: text, after: undefined, before: undefined })}
            field={search}
            placeholder="A whole username or e-mail"
            label="Find a user by username or e-mail"
          />
        </search>
        <Pager list={list} go={(place) => change({ after: place.after, before: place.before }, { step: true })} />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(list.rows || !list.error) && (
        <Table
          label="Users"
          class="users"
          columns={columns}
          rows={list.rows}
          keyOf={({ id }) => id}
          dimmed={list.stale || list.error !== undefined}
          rowClass={() => 'user'}
          detail={(user) =>
            edit === String(user.id) && (
              <UserForm
                key={user.id}
                user={user}
                saved={(saved) => replace(user.id, saved)}
                close={() => change({ edit: undefined })}
              />
            )
          }
          empty={
            q || after ? (
              <Empty title="No user of this name">
                <p>Username and e-mail are compared as a whole.</p>
                <button
                  type="button"
                  class="button"
                  onClick={() => change({ q: undefined, after: undefined, before: undefined })}
                >
                  Show all users
                </button>
              </Empty>
            ) : (
              <Empty title="No users yet" command={curlOf('/users', { username: 'ada', email: 'ada@example.com' })}>
                <p>Links need none. Make one above, drop a CSV file here, or from a terminal:</p>
              </Empty>
            )
          }
        />
      )}
      {dropping && writes && (
        <p class="drop-here" role="status">
          Drop the file to import users
        </p>
      )}
      {importing && (
        <CsvImport
          what="users"
          path="/users/bulk"
          {...FILE}
          file={importing.file}
          close={() => setImporting(undefined)}
          done={reload}
        />
      )}
    </PageFrame>
  )
}

/** The server compares whole names only. */
function filterOf(q: string): Record<string, string> {
  if (q === '') return {}
  return q.includes('@') ? { email: q } : { username: q }
}
