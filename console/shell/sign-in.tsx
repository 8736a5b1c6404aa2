import { useEffect, useRef, useState } from 'preact/hooks'
import { Dialog } from '../kit/parts/dialog.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { ApiError, asApiError, call } from '../kit/server/api.ts'
import { session } from '../kit/server/session.ts'
import { askSession } from '../kit/server/who.ts'

/** The first sign-in, before any page is shown. */
export const SignIn = () => (
  <main class="sign-in">
    <h1>Sign in</h1>
    <Words />
    <Form />
  </main>
)

/** On top of a page that stays as it is. `close` is given while the session is still valid. */
export function SignInAgain({ close }: { close?: () => void }) {
  return (
    <Dialog
      title={close ? 'Sign in again' : 'Your session has ended'}
      class="sign-in-again"
      close={close ?? (() => {})}
      fixed={!close}
    >
      <p class="quiet">
        {close ? 'This starts a new session of up to 12 hours.' : 'Sign in again to continue. Nothing you typed is lost.'}
      </p>
      <Form done={close} />
      {!close && (
        <button type="button" class="link-button" onClick={session.leave}>
          Leave this page
        </button>
      )}
    </Dialog>
  )
}

const Words = () => (
  <p class="quiet">
    Use the admin token (<code>ADMIN_TOKEN</code>) or an API key. You stay signed in for up to 12 hours.
  </p>
)

/** Exchanges the admin token or a key for a session. */
function Form({ done = () => {} }: { done?: () => void }) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])

  const enter = async (event: Event) => {
    event.preventDefault()
    if (!token.trim() || busy) return
    setBusy(true)
    try {
      await call('POST', '/api/session', { body: { token: token.trim() } })
      const { by } = await askSession()
      // Except on localhost the cookie is Secure: a browser drops it if the page came over http.
      if (by === 'nobody')
        throw new ApiError(0, 'The browser did not keep the session. Open the console over https, or on localhost.')
      session.tellOthers()
      done()
    } catch (thrown) {
      setError(asApiError(thrown))
      field.current?.select()
    }
    setBusy(false)
  }

  return (
    <form onSubmit={enter}>
      <input type="text" name="username" autocomplete="username" value="waypost" readOnly hidden />
      <label class="field">
        <span class="label">Token</span>
        <input
          ref={field}
          type="password"
          autofocus
          autocomplete="current-password"
          value={token}
          aria-invalid={error !== undefined}
          aria-describedby="token-fault"
          onInput={(event) => {
            setToken(event.currentTarget.value)
            setError(undefined)
          }}
        />
        <span id="token-fault" class="fault" role="alert">
          {error && (error.status === 401 ? 'The server does not accept this token.' : sentence(error))}
        </span>
      </label>
      <button type="submit" class="button main" disabled={busy || !token.trim()}>
        Sign in
      </button>
    </form>
  )
}
