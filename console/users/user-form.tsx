import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { visible } from '../../src/base/visible.ts'
import type { User } from '../../src/users/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { Failure, Field } from '../kit/parts/field.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { call } from '../kit/server/api.ts'

type Props = {
  /** The user to change; without one the form creates a user. */
  user?: User
  first?: RefObject<HTMLInputElement | null>
  saved: (user: User) => void
  close?: () => void
}

export function UserForm({ user, first, saved, close }: Props) {
  const [{ username, email }, type, forget] = useDraft(user ? `user ${user.id}` : 'new user', {
    username: user?.username ?? '',
    email: user?.email ?? '',
  })
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const own = useRef<HTMLInputElement>(null)
  const input = first ?? own
  useEffect(() => void (user && input.current?.focus()), [])

  const faults = {
    username: username.trim() === '' ? 'Enter a username.' : username.length > 64 ? 'At most 64 characters.' : undefined,
    // One @, no spaces, a dot in the domain: as the server checks it.
    email: /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(email.trim()) ? undefined : 'Enter an e-mail address, such as ada@example.com.',
  }
  const save = async (event: Event) => {
    event.preventDefault()
    setAsked(true)
    if (faults.username || faults.email || busy) return
    const body = { username: username.trim(), email: email.trim() }
    const worked = await run(async () => {
      const { data } = user
        ? await call<User>('PATCH', `/users/${user.id}`, { body })
        : await call<User>('POST', '/users', { body })
      saved(data)
    })
    if (!worked) return
    toast({ text: user ? `Saved ${body.username}` : `Created ${body.username}` })
    setAsked(false)
    forget()
    if (user) return close?.()
    input.current?.focus()
  }
  const fault = (field: 'username' | 'email', text: string, name: string) =>
    faultOf(field, name) ?? (asked || (user && text !== user[field]) ? faults[field] : undefined)

  return (
    <form
      class="line-form user-form"
      aria-label={user && `Edit ${visible(user.username)}`}
      onSubmit={save}
      onKeyDown={(event) => event.key === 'Escape' && close?.()}
      noValidate
    >
      <Field
        label={user ? 'Username' : 'New user'}
        input={input}
        value={username}
        placeholder="ada"
        change={(text) => {
          clear()
          type({ username: text })
        }}
        fault={fault('username', username, 'this username')}
      />
      <Field
        label="E-mail"
        type="email"
        value={email}
        placeholder="ada@example.com"
        change={(text) => {
          clear()
          type({ email: text })
        }}
        fault={fault('email', email, 'this e-mail')}
      />
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy}>
          {user ? 'Save' : 'Create'}
        </button>
        {user && (
          <button
            type="button"
            class="button"
            onClick={() => {
              forget()
              close?.()
            }}
          >
            Cancel
          </button>
        )}
      </span>
      <Failure>{failure(['username', 'email'])}</Failure>
    </form>
  )
}
