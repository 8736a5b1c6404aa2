import { useEffect, useRef, useState } from 'preact/hooks'
import type { Caller } from '../../src/sessions/schema.ts'
import { sentence } from '../parts/trouble.tsx'
import { ApiError, asApiError, call } from '../server/api.ts'
import { session } from '../server/session.ts'

/** Changes the admin token or a key for a session. */
export function SignIn() {
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
      const { data } = await call<Caller>('GET', '/api/session')
      // Off localhost the cookie is Secure: a browser drops it where the page came by http.
      if (data.by === 'nobody') throw new ApiError(0, 'This browser kept no session: open the console by https, or on localhost.')
      session.enter(data)
    } catch (thrown) {
      setError(asApiError(thrown))
      field.current?.select()
    }
    setBusy(false)
  }

  return (
    <main class="sign-in">
      <h1>Sign in</h1>
      <p class="quiet">
        With the admin token of this server (its setting <code>ADMIN_TOKEN</code>) or an API key. The session lasts 12 hours at
        most.
      </p>
      <form onSubmit={enter}>
        <input type="text" name="username" autocomplete="username" value="waypost" readOnly hidden />
        <label class="field">
          <span class="label">Token</span>
          <input
            ref={field}
            type="password"
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
    </main>
  )
}
