import { Field } from '../kit/parts/field.tsx'
import type { LinkForm } from './form.ts'

/** The password of a link can be set, changed and removed, never read. `has`: the link has one now. */
export function PasswordField({ form, has }: { form: LinkForm; has: boolean }) {
  const { draft, password, change, setPassword, faultOf, leave } = form
  if (has && draft.password !== 'set')
    return (
      <div class="field">
        <span class="label">Password</span>
        <span class="buttons">
          {draft.password === 'remove' ? (
            <button type="button" class="button" onClick={() => change({ password: '' })}>
              Keep it
            </button>
          ) : (
            <>
              <button type="button" class="button" onClick={() => change({ password: 'set' })}>
                Change
              </button>
              <button type="button" class="button" onClick={() => change({ password: 'remove' })}>
                Remove
              </button>
            </>
          )}
        </span>
        <span class={faultOf('password') ? 'fault' : 'hint'} role="status">
          {faultOf('password') ?? (draft.password === 'remove' ? 'Removed when you save.' : 'Set. Nobody can read it.')}
        </span>
      </div>
    )
  return (
    <Field
      label={has ? 'New password' : 'Password'}
      type="password"
      autocomplete="new-password"
      value={password}
      change={(text) => {
        setPassword(text)
        change({ password: text || has ? 'set' : '' })
      }}
      onBlur={() => leave('password')}
      fault={faultOf('password')}
      hint={has ? '' : 'Visitors must enter it.'}
    />
  )
}
