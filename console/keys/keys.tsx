import { useRef, useState } from 'preact/hooks'
import type { Key, MadeKey } from '../../src/access/keys/schema.ts'
import { isBound } from '../../src/base/scope.ts'
import { visible } from '../../src/base/visible.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { useQuery } from '../kit/browser/query.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { ListPage, rowsOf } from '../kit/parts/list-page.tsx'
import { State } from '../kit/parts/state.tsx'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Tags } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useList } from '../kit/server/list.ts'
import { session, useSession } from '../kit/server/session.ts'
import { leave } from '../kit/server/who.ts'
import { MadeKeyDialog } from './made-key.tsx'
import { NewKeyForm } from './new-key.tsx'

/** API keys: creates one (shown once), revokes them, and ends all sessions. */
export function Keys() {
  const { query } = useQuery()
  const { after, before } = query
  const { caller } = useSession()
  const { list, reload, replace } = useList<Key>('/api/keys', {}, { after, before })
  const [made, setMade] = useState<{ key: MadeKey; wasOpen: boolean }>()
  const name = useRef<HTMLInputElement>(null)
  useKeys({ n: () => name.current?.focus() }, { n: 'New key' })

  const revoke = async (key: Key) => {
    const own = caller?.by === 'session' && caller.key?.id === key.id
    const sure = await confirm({
      title: `Revoke ${key.name}?`,
      text: (
        <p>
          {key.prefix}… stops working on all replicas within a second.{' '}
          {own && <b>You are signed in with this key, so you will be signed out.</b>} This cannot be undone.
        </p>
      ),
      action: 'Revoke',
      danger: true,
    })
    if (!sure) return
    try {
      await call('DELETE', `/api/keys/${key.id}`)
      replace(key.id, { ...key, revoked_at: new Date().toISOString() })
      toast({ text: `Revoked ${key.name}` })
    } catch (error) {
      toast({ tone: 'bad', text: `${key.name} could not be revoked: ${sentence(asApiError(error))}` })
    }
  }

  const columns: Column<Key>[] = [
    { name: 'name', title: 'Name', cell: (key) => <Text of={key.name} /> },
    { name: 'prefix', title: 'Prefix', cell: ({ prefix }) => <code>{prefix}…</code> },
    { name: 'scope', title: 'Scope', cell: ({ scope }) => scope },
    {
      name: 'owner',
      title: 'Bound to',
      cell: ({ user_id, only_tag }) => (
        <>
          {user_id !== null && <a href={`/console/links?user=${user_id}`}>user {user_id}</a>}
          {user_id !== null && only_tag !== null && ' '}
          {only_tag !== null && <Tags of={[only_tag]} />}
          {!isBound({ user_id, only_tag }) && <span class="quiet">nothing</span>}
        </>
      ),
    },
    { name: 'key-state', title: 'State', cell: (key) => <KeyState {...key} /> },
    {
      name: 'used',
      title: 'Last used',
      figure: true,
      cell: ({ last_used_at }) => (last_used_at ? <Time at={last_used_at} /> : <span class="quiet">never</span>),
    },
    {
      name: 'expires',
      title: 'Expires',
      figure: true,
      cell: ({ expires_at }) => (expires_at ? <Time at={expires_at} /> : <span class="quiet">never</span>),
    },
    { name: 'created', title: 'Created', figure: true, cell: ({ created_at }) => <Time at={created_at} /> },
    {
      name: 'actions',
      title: 'Actions',
      silent: true,
      cell: (key) =>
        !key.revoked_at && (
          <button type="button" class="link-button" aria-label={`Revoke ${visible(key.name)}`} onClick={() => revoke(key)}>
            Revoke
          </button>
        ),
    },
  ]

  return (
    <ListPage
      title="Keys"
      list={list}
      reload={reload}
      note={list.rows && (list.total === 1 ? 'key' : 'keys')}
      actions={
        <button type="button" class="button danger" onClick={signOutEverywhere}>
          Sign out everywhere
        </button>
      }
      make={
        <>
          {caller && caller.mode !== 'token' && <OpenNote mode={caller.mode} />}
          <section class="make" aria-label="New key">
            <NewKeyForm
              first={name}
              open={caller?.mode === 'open'}
              made={(key, wasOpen) => {
                setMade({ key, wasOpen })
                void reload()
              }}
            />
          </section>
        </>
      }
      table={
        <Table
          label="API keys"
          class="keys"
          columns={columns}
          {...rowsOf(list)}
          rowClass={(key) => (isOver(key) ? 'key idle' : 'key')}
          blank={4}
          empty={
            <Empty title="No keys yet" command="waypost key create ci --scope write">
              <p>Programs use a key instead of the admin token. Create one above, or on the server:</p>
            </Empty>
          }
        />
      }
    >
      {made && <MadeKeyDialog made={made.key} wasOpen={made.wasOpen} close={() => setMade(undefined)} />}
    </ListPage>
  )
}

const isExpired = ({ expires_at }: Key) => expires_at !== null && Date.parse(expires_at) < Date.now()
const isOver = (key: Key) => key.revoked_at !== null || isExpired(key)

function KeyState(key: Key) {
  if (key.revoked_at)
    return (
      <State tone="unknown">
        <span>
          revoked <Time at={key.revoked_at} />
        </span>
      </State>
    )
  if (isExpired(key)) return <State tone="warn">expired</State>
  return <State tone="good">active</State>
}

const OpenNote = ({ mode }: { mode: string }) => (
  <p class="note-line">
    <span class="sign warn" aria-hidden="true">
      ▲
    </span>{' '}
    {mode === 'off'
      ? 'AUTH=off: anyone who can reach this server may do everything, with or without a key.'
      : 'This server is open to everyone on this machine. The first key ends that for good: after that everyone must sign in, including you. Make it an admin key.'}
  </p>
)

async function signOutEverywhere() {
  const sure = await confirm({
    title: 'Sign out everywhere?',
    text: <p>Everyone is signed out, including you, within a second. API keys keep working.</p>,
    action: 'Sign out everywhere',
    danger: true,
  })
  if (!sure) return
  try {
    await call('DELETE', '/api/sessions')
    toast({ text: 'Everyone is signed out' })
    if (session.caller?.mode === 'token') leave()
  } catch (error) {
    toast({ tone: 'bad', text: sentence(asApiError(error)) })
  }
}
