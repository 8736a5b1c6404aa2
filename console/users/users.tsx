import { useRef } from 'preact/hooks'
import { visible } from '../../src/base/visible.ts'
import type { User } from '../../src/users/schema.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { useQuery } from '../kit/browser/query.ts'
import { curlOf } from '../kit/parts/command.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { count } from '../kit/parts/figures.ts'
import { Bin, Pen } from '../kit/parts/icons.tsx'
import { useImport } from '../kit/parts/import.tsx'
import { ListPage, rowsOf } from '../kit/parts/list-page.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useList } from '../kit/server/list.ts'
import { may } from '../kit/server/scope.ts'
import { UserForm } from './user-form.tsx'

const FILE = {
  columns: { required: ['username', 'email'], optional: ['id', 'created_at'] },
  template: 'username,email\nada,ada@example.com\n',
}

/** The owners of links: finds, creates, changes and deletes them. */
export function Users() {
  const { query, change } = useQuery()
  const { q = '', after, before, edit } = query
  const { list, reload, replace } = useList<User>('/users', filterOf(q), { after, before }, edit ? 0 : 10) // no reload while a row is edited
  const search = useRef<HTMLInputElement>(null)
  const name = useRef<HTMLInputElement>(null)
  const writes = may('write')
  useKeys({ n: () => name.current?.focus(), '/': () => search.current?.focus() }, { n: 'New user', '/': 'Search' })
  const csv = useImport({ what: 'users', path: '/users/bulk', ...FILE, done: reload }, writes)

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
          This also deletes <b>{owned === '1' ? '1 link' : `${owned} links`}</b> with all events, and the user’s API keys. The
          codes are never issued again. This cannot be undone.
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
        <a href={`/console/links?user=${user.id}`} title={`Links of ${visible(user.username)}`}>
          <Text of={user.username} />
        </a>
      ),
    },
    {
      name: 'email',
      title: 'E-mail',
      cell: ({ email }) => (
        <a href={`mailto:${encodeURIComponent(email)}`}>
          <Text of={email} />
        </a>
      ),
    },
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
              aria-label={`Edit ${visible(user.username)}`}
              title="Edit"
              aria-expanded={edit === String(user.id)}
              onClick={() => change({ edit: edit === String(user.id) ? undefined : String(user.id) })}
            >
              <Pen />
            </button>
            <button
              type="button"
              class="quiet-button"
              aria-label={`Delete ${visible(user.username)}`}
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
    <ListPage
      title="Users"
      list={list}
      reload={reload}
      note={q && list.rows && 'found'}
      actions={csv.button}
      make={
        writes && (
          <section class="make" aria-label="New user">
            <UserForm first={name} saved={reload} />
          </section>
        )
      }
      filters={
        <search class="filters">
          <SearchField
            value={q}
            change={(text) => change({ q: text, after: undefined, before: undefined })}
            field={search}
            placeholder="Exact username or e-mail"
            label="Find a user by username or e-mail"
          />
        </search>
      }
      table={
        <Table
          label="Users"
          class="users"
          columns={columns}
          {...rowsOf(list)}
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
              <Empty title="No such user">
                <p>Enter the exact username or e-mail address.</p>
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
                <p>Links do not need a user. Create one above, drop a CSV file here, or use a terminal:</p>
              </Empty>
            )
          }
        />
      }
    >
      {csv.over}
    </ListPage>
  )
}

/** The server finds exact names only. */
function filterOf(q: string): Record<string, string> {
  if (q === '') return {}
  return q.includes('@') ? { email: q } : { username: q }
}
