import type { RefObject } from 'preact'
import { useState } from 'preact/hooks'
import type { MadeKey } from '../../src/keys/schema.ts'
import type { Caller } from '../../src/sessions/schema.ts'
import { Failure, Field } from '../parts/field.tsx'
import { toast } from '../parts/toast.tsx'
import { sentence } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'
import { useAttempt } from '../server/attempt.ts'
import { session } from '../server/session.ts'

const SCOPES = {
  admin: 'Everything: keys, users, faults, settings.',
  write: 'Sees everything, makes and changes links, users and events.',
  read: 'Sees everything, changes nothing.',
  metrics: 'The metrics only, for Prometheus.',
}
type Scope = keyof typeof SCOPES

const DAY = 86_400_000
const ENDS: { word: string; days?: number }[] = [
  { word: 'never' },
  { word: 'in 30 days', days: 30 },
  { word: 'in 90 days', days: 90 },
  { word: 'in a year', days: 365 },
  { word: 'on a day…' },
]
const CHOSEN = ENDS.length - 1

type Props = {
  first: RefObject<HTMLInputElement | null>
  /** There is no key yet, and the first ends that everybody may do everything. */
  open: boolean
  made: (key: MadeKey, wasOpen: boolean) => void
}

export function NewKeyForm({ first, open, made }: Props) {
  const [name, setName] = useState('')
  const [chosenScope, setScope] = useState<Scope>()
  const [user, setUser] = useState('')
  const [end, setEnd] = useState(0)
  const [day, setDay] = useState('')
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const scope = chosenScope ?? (open ? 'admin' : 'read')

  const faults = {
    name: name.trim() === '' ? 'What is it for?' : name.length > 100 ? 'At most 100 characters.' : undefined,
    user_id: user === '' || /^[1-9]\d*$/.test(user) ? undefined : 'The id of a user, or nothing.',
    scope: user !== '' && (scope === 'admin' || scope === 'metrics') ? 'Only read or write for one user.' : undefined,
    expires_at: end === CHOSEN && !(Date.parse(day) > Date.now()) ? 'A day in the future.' : undefined,
  }
  const expires = end === CHOSEN ? day : ENDS[end]!.days && new Date(Date.now() + ENDS[end]!.days * DAY).toISOString()
  const make = async (event: Event) => {
    event.preventDefault()
    setAsked(true)
    if (Object.values(faults).some(Boolean) || busy) return
    const body = { name: name.trim(), scope, ...(user && { user_id: Number(user) }), ...(expires && { expires_at: expires }) }
    session.held = open // from the first key on nobody is let in without: it must not be lost to a sign-in
    const worked = await run(async () => {
      const { data } = await call<MadeKey>('POST', '/api/keys', { body })
      if (open && scope === 'admin') await signIn(data.key)
      made(data, open)
    })
    if (!worked) session.held = false
    if (!worked) return
    setAsked(false)
    setName('')
    setUser('')
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
          setName(text)
        }}
        fault={faultOf('name', 'the name') ?? (asked ? faults.name : undefined)}
      />
      <div class="field">
        <label class="label" for="key-scope">
          Scope
        </label>
        <select
          id="key-scope"
          value={scope}
          aria-describedby="key-scope-told"
          onChange={(event) => setScope(event.currentTarget.value as Scope)}
        >
          {Object.keys(SCOPES).map((known) => (
            <option key={known}>{known}</option>
          ))}
        </select>
        <span id="key-scope-told" class={faults.scope ? 'fault' : 'hint'} aria-live="polite">
          {faults.scope ?? SCOPES[scope]}
        </span>
      </div>
      <Field
        label="Bound to user"
        inputMode="numeric"
        value={user}
        placeholder="none"
        change={(text) => {
          clear()
          setUser(text.trim())
        }}
        fault={faults.user_id ?? faultOf('user_id', 'the user')}
        hint={user && 'It sees and changes only what is this user’s.'}
      />
      <div class="field">
        <label class="label" for="key-end">
          Expires
        </label>
        <select id="key-end" value={String(end)} onChange={(event) => setEnd(Number(event.currentTarget.value))}>
          {ENDS.map(({ word }, index) => (
            <option key={word} value={String(index)}>
              {word}
            </option>
          ))}
        </select>
        <span class="hint" />
      </div>
      {end === CHOSEN && (
        <Field
          label="Last day before"
          type="date"
          value={day}
          change={setDay}
          fault={faultOf('expires_at', 'it') ?? (asked || day ? faults.expires_at : undefined)}
        />
      )}
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy}>
          Create key
        </button>
      </span>
      <Failure>{failure(['name', 'user_id', 'expires_at'])}</Failure>
    </form>
  )
}

/** With the key just made. Where that fails the page still shows it, and somebody can sign in by hand. */
async function signIn(token: string) {
  try {
    await call('POST', '/api/session', { body: { token } })
    session.enter((await call<Caller>('GET', '/api/session')).data)
  } catch (error) {
    toast({ tone: 'bad', text: `Signing in with the new key failed: ${sentence(asApiError(error))}` })
  }
}
