import type { RefObject } from 'preact'
import { useState } from 'preact/hooks'
import type { MadeKey } from '../../src/access/keys/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { Failure, Field, SelectField } from '../kit/parts/field.tsx'
import { KnownTags } from '../kit/parts/tags.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { session } from '../kit/server/session.ts'
import { askSession } from '../kit/server/who.ts'

const SCOPES = {
  admin: 'Everything: keys, users, faults, settings.',
  write: 'Can read everything, and create and change links, users and events.',
  read: 'Can read everything, but change nothing.',
  metrics: 'Only the metrics, for Prometheus.',
}
type Scope = keyof typeof SCOPES

const DAY = 86_400_000
const ENDS: { word: string; days?: number }[] = [
  { word: 'Never' },
  { word: 'In 30 days', days: 30 },
  { word: 'In 90 days', days: 90 },
  { word: 'In a year', days: 365 },
  { word: 'On a date…' },
]
const CHOSEN = ENDS.length - 1

type Props = {
  first: RefObject<HTMLInputElement | null>
  /** There is no key yet. The first one ends open mode. */
  open: boolean
  made: (key: MadeKey, wasOpen: boolean) => void
}

export function NewKeyForm({ first, open, made }: Props) {
  const [draft, type, forget] = useDraft('new key', { name: '', scope: '' as Scope | '', user: '', tag: '', end: 0, day: '' })
  const { name, user, tag, end, day } = draft
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const scope = draft.scope || (open ? 'admin' : 'read')

  const faults = {
    name: name.trim() === '' ? 'Enter a name.' : name.length > 100 ? 'At most 100 characters.' : undefined,
    user_id: user === '' || /^[1-9]\d*$/.test(user) ? undefined : 'Enter the id of a user, or nothing.',
    scope:
      (user !== '' || tag !== '') && (scope === 'admin' || scope === 'metrics')
        ? 'A bound key can have read or write only.'
        : undefined,
    expires_at: end === CHOSEN && !(Date.parse(day) > Date.now()) ? 'Choose a date in the future.' : undefined,
  }
  const expires = end === CHOSEN ? day : ENDS[end]!.days && new Date(Date.now() + ENDS[end]!.days * DAY).toISOString()
  const make = async (event: Event) => {
    event.preventDefault()
    setAsked(true)
    if (Object.values(faults).some(Boolean) || busy) return
    const body = {
      name: name.trim(),
      scope,
      ...(user && { user_id: Number(user) }),
      ...(tag && { only_tag: tag.trim() }),
      ...(expires && { expires_at: expires }),
    }
    session.held = open // the first key makes a sign-in necessary, which must not hide the key
    const worked = await run(async () => {
      const { data } = await call<MadeKey>('POST', '/api/keys', { body })
      if (open && scope === 'admin') await signIn(data.key)
      made(data, open)
    })
    if (!worked) session.held = false
    if (!worked) return
    setAsked(false)
    forget()
  }

  return (
    <form class="line-form key-form" onSubmit={make} noValidate>
      <Field
        label="New key for"
        input={first}
        value={name}
        placeholder="what will use it"
        change={(text) => {
          clear()
          type({ name: text })
        }}
        fault={faultOf('name', 'the name') ?? (asked ? faults.name : undefined)}
      />
      <SelectField
        label="Scope"
        options={Object.keys(SCOPES).map((known) => [known as Scope, known] as const)}
        value={scope}
        change={(scope) => type({ scope })}
        fault={faults.scope}
        hint={SCOPES[scope]}
      />
      <Field
        label="Bound to user"
        inputMode="numeric"
        value={user}
        placeholder="none"
        change={(text) => {
          clear()
          type({ user: text.trim() })
        }}
        fault={faults.user_id ?? faultOf('user_id', 'the user')}
        hint={user && 'Limited to this user’s links and events.'}
      />
      <Field
        label="Bound to tag"
        value={tag}
        list="key-tags"
        maxLength={64}
        placeholder="none"
        change={(text) => {
          clear()
          type({ tag: text.trimStart() })
        }}
        fault={faultOf('only_tag', 'the tag')}
        hint={tag && 'Limited to links with this tag.'}
      />
      <KnownTags id="key-tags" text={tag} />
      <SelectField
        label="Expires"
        options={ENDS.map(({ word }, index) => [String(index), word] as const)}
        value={String(end)}
        change={(end) => type({ end: Number(end) })}
      />
      {end === CHOSEN && (
        <Field
          label="Expiry date"
          type="date"
          value={day}
          change={(text) => type({ day: text })}
          fault={faultOf('expires_at', 'the expiry date') ?? (asked || day ? faults.expires_at : undefined)}
        />
      )}
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy}>
          Create key
        </button>
      </span>
      <Failure>{failure(['name', 'user_id', 'only_tag', 'expires_at'])}</Failure>
    </form>
  )
}

/** Signs in with the new key. If that fails, the page still shows the key. */
async function signIn(token: string) {
  try {
    await call('POST', '/api/session', { body: { token } })
    await askSession()
    session.tellOthers()
  } catch (error) {
    toast({ tone: 'bad', text: `Signing in with the new key failed: ${sentence(asApiError(error))}` })
  }
}
