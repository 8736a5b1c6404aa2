import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { User } from '../../src/users/schema.ts'
import { Failure, Field } from '../parts/field.tsx'
import { toast } from '../parts/toast.tsx'
import { call } from '../server/api.ts'
import { useAttempt } from '../server/attempt.ts'

type Props = {
  /** The user to change; without one it makes one. */
  user?: User
  first?: RefObject<HTMLInputElement | null>
  saved: (user: User) => void
  close?: () => void
}

export function UserForm({ user, first, saved, close }: Props) {
  const [username, setUsername] = useState(user?.username ?? '')
  const [email, setEmail] = useState(user?.email ?? '')
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const own = useRef<HTMLInputElement>(null)
  const input = first ?? own
  useEffect(() => void (user && input.current?.focus()), [])

  const faults = {
    username: username.trim() === '' ? 'A username.' : username.length > 64 ? 'At most 64 characters.' : undefined,
    // One @, no spaces, a dot in the domain: as the server has it.
    email: /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(email.trim()) ? undefined : 'An address such as ada@example.com.',
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
    toast({ text: user ? `Saved ${body.username}` : `Made ${body.username}` })
    setAsked(false)
    if (user) return close?.()
    setUsername('')
    setEmail('')
    input.current?.focus()
  }
  const told = (field: 'username' | 'email', text: string, name: string) =>
    faultOf(field, name) ?? (asked || (user && text !== user[field]) ? faults[field] : undefined)

  return (
    <form
      class="line-form user-form"
      aria-label={user && `Edit ${user.username}`}
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
          setUsername(text)
        }}
        fault={told('username', username, 'this username')}
      />
      <Field
        label="E-mail"
        type="email"
        value={email}
        placeholder="ada@example.com"
        change={(text) => {
          clear()
          setEmail(text)
        }}
        fault={told('email', email, 'this e-mail')}
      />
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy}>
          {user ? 'Save' : 'Create'}
        </button>
        {user && (
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
        )}
      </span>
      <Failure>{failure(['username', 'email'])}</Failure>
    </form>
  )
}
