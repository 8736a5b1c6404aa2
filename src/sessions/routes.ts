// Signing in and out: a key or the admin token is changed for a cookie that scripts cannot read.

import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs, openToAnyone } from '../http/access.ts'
import { addressOf } from '../http/address.ts'
import { type Auth, unauthorized } from '../http/auth.ts'
import { askedBy, type Principal, principalOf } from '../http/principal.ts'
import type { Sessions } from '../http/session.ts'
import { Caller, SignedIn, SignIn } from './schema.ts'

type Parts = {
  auth: Auth
  sessions: Sessions
  /** Ends every session, for whom is said in `by`; resolves when that is in force on this replica. */
  endAll: (by: Record<string, unknown>) => Promise<void>
}

export function sessionRoutes({ auth, sessions, endAll }: Parts) {
  const caller = ({ by, scope, key, userId }: Principal): Caller => ({
    mode: auth.mode(),
    by,
    scope,
    key: key ?? null,
    user_id: userId ?? null,
  })

  return new Elysia({ detail: { tags: ['Access'] } })
    .get('/api/session', ({ request }) => caller(principalOf(request)), {
      response: { 200: Caller },
      detail: { summary: 'Who I am to the server', ...openToAnyone },
    })
    .post(
      '/api/session',
      ({ body, request, set }) => {
        const holder = auth.holderOf(body.token.trim())
        if (!holder) throw unauthorized('this token or key does not hold')
        const { cookie, expires } = sessions.open(holder.hash ?? 'admin', addressOf(request), holder.until)
        set.status = 201
        set.headers['Set-Cookie'] = cookie
        return { ...caller({ ...holder.principal, by: 'session' }), expires_at: new Date(expires * 1000).toISOString() }
      },
      {
        body: SignIn,
        response: { 201: SignedIn },
        detail: {
          summary: 'Sign in',
          description:
            'The session is a cookie, at most 12 hours old, and ends with the key that opened it. Secure unless on localhost.',
          ...openToAnyone,
        },
      },
    )
    .delete(
      '/api/session',
      ({ request, set }) => {
        set.status = 204
        set.headers['Set-Cookie'] = sessions.close(addressOf(request))
      },
      { response: { 204: Type.Void() }, detail: { summary: 'Sign out of this browser', ...openToAnyone } },
    )
    .delete(
      '/api/sessions',
      async ({ request, set }) => {
        await endAll(askedBy(request))
        set.status = 204
        set.headers['Set-Cookie'] = sessions.close(addressOf(request))
      },
      {
        response: { 204: Type.Void() },
        detail: {
          summary: 'Sign out everywhere',
          description: 'Every session of everybody ends: at once here, on all replicas within a second. Keys go on.',
          ...needs('admin'),
        },
      },
    )
}
