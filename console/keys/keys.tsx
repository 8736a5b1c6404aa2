import { useRef, useState } from 'preact/hooks'
import type { Key, MadeKey } from '../../src/keys/schema.ts'
import { confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { PageFrame } from '../parts/page.tsx'
import { Pager, totalOf } from '../parts/pager.tsx'
import { State } from '../parts/state.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { toast } from '../parts/toast.tsx'
import { sentence, Trouble } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'
import { useList } from '../server/list.ts'
import { useQuery } from '../server/query.ts'
import { session, useSession } from '../server/session.ts'
import { useKeys } from '../shell/keys.ts'
import { MadeKeyDialog } from './made-key.tsx'
import { NewKeyForm } from './new-key.tsx'

/** API keys: make one, which is shown this once; revoke one; end all sessions. */
export function Keys() {
  const { query, change } = useQuery()
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
          {key.prefix}… stops working at once here, and within a second on all replicas.{' '}
          {own && <b>It is the key you are signed in with: you will be signed out.</b>} There is no way back.
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
    { name: 'name', title: 'Name', cell: (key) => key.name },
    { name: 'prefix', title: 'Begins with', cell: ({ prefix }) => <code>{prefix}…</code> },
    { name: 'scope', title: 'Scope', cell: ({ scope }) => scope },
    {
      name: 'owner',
      title: 'User',
      figure: true,
      cell: ({ user_id }) =>
        user_id === null ? <span class="quiet">all</span> : <a href={`/console/links?user=${user_id}`}>{user_id}</a>,
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
          <button type="button" class="link-button" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>
            Revoke
          </button>
        ),
    },
  ]

  return (
    <PageFrame
      title="Keys"
      note={<span class="figure">{totalOf(list)} ever made</span>}
      actions={
        <button type="button" class="button danger" onClick={signOutEverywhere}>
          Sign out everywhere
        </button>
      }
    >
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
      <div class="toolbar">
        <Pager list={list} go={(place) => change({ after: place.after, before: place.before }, { step: true })} />
      </div>
      {list.error && list.error.status !== 401 && <Trouble error={list.error} retryAt={list.retryAt} retry={reload} />}
      {(list.rows || !list.error) && (
        <Table
          label="API keys"
          class="keys"
          columns={columns}
          rows={list.rows}
          keyOf={({ id }) => id}
          dimmed={list.stale || list.error !== undefined}
          rowClass={(key) => (isOver(key) ? 'key idle' : 'key')}
          blank={4}
          empty={
            <Empty title="No keys yet" command="waypost key create ci --scope write">
              <p>A key lets a program in without the admin token. Make one above, or on the server:</p>
            </Empty>
          }
        />
      )}
      {made && <MadeKeyDialog made={made.key} wasOpen={made.wasOpen} close={() => setMade(undefined)} />}
    </PageFrame>
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
  return <State tone="good">holds</State>
}

const OpenNote = ({ mode }: { mode: string }) => (
  <p class="note-line">
    <span class="sign warn" aria-hidden="true">
      ▲
    </span>{' '}
    {mode === 'off'
      ? 'AUTH=off: everybody who reaches this server may do everything, with or without a key.'
      : 'This server is open to everybody on this machine. The first key ends that for good: from then on everybody signs in, you too. Make it an admin key.'}
  </p>
)

async function signOutEverywhere() {
  const sure = await confirm({
    title: 'Sign out everywhere?',
    text: <p>Every session of everybody ends, this one too: at once here, within a second on all replicas. Keys go on.</p>,
    action: 'Sign out everywhere',
    danger: true,
  })
  if (!sure) return
  try {
    await call('DELETE', '/api/sessions')
    if (session.caller?.mode === 'token') session.refuse()
    toast({ text: 'All sessions have ended' })
  } catch (error) {
    toast({ tone: 'bad', text: sentence(asApiError(error)) })
  }
}
