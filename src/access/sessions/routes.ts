// Signing in and out: exchanges a key or the admin token for a cookie that scripts cannot read.

import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs, openToAnyone } from '../../http/access.ts'
import { addressOf } from '../../http/address.ts'
import { askedBy, type By, type Principal, principalOf } from '../../http/principal.ts'
import { type Auth, unauthorized } from '../auth.ts'
import { keyResource } from '../keys/schema.ts'
import type { Limits } from '../limits/limits.ts'
import { Caller, SignedIn, SignIn } from './schema.ts'
import type { Sessions } from './session.ts'

type Parts = {
  auth: Auth
  sessions: Sessions
  limits: Pick<Limits, 'guard'>
  /** Ends every session; `by` is the caller. Resolves when that is in force on this replica. */
  endSessions: (by: By) => Promise<void>
}

export function sessionRoutes({ auth, sessions, limits, endSessions }: Parts) {
  const caller = ({ by, scope, key, owner }: Principal, expires?: number): Caller => ({
    mode: auth.mode(),
    by,
    scope,
    key: key ?? null,
    user_id: owner?.user ?? null,
    only_tag: owner?.tag ?? null,
    expires_at: expires === undefined ? null : timeOf(expires),
  })
  /** The caller; for a session, also its end. */
  const callerOf = (request: Request): Caller => {
    const principal = principalOf(request)
    return caller(principal, principal.by === 'session' ? sessions.read(request, addressOf(request))?.expires : undefined)
  }

  return new Elysia({ detail: { tags: [keyResource.tag] } })
    .get('/api/session', ({ request }) => callerOf(request), {
      response: { 200: Caller },
      detail: { summary: 'The caller’s identity and scope', ...openToAnyone },
    })
    .post(
      '/api/session',
      ({ body, request, set }) => {
        const holder = limits.guard(request, () => auth.holderOf(body.token.trim()))
        if (!holder) throw unauthorized('invalid or expired token or key')
        const { cookie, expires } = sessions.open(holder.hash ?? 'admin', addressOf(request), holder.until)
        set.status = 201
        set.headers['Set-Cookie'] = cookie
        return { ...caller({ ...holder.principal, by: 'session' }, expires), expires_at: timeOf(expires) }
      },
      {
        body: SignIn,
        response: { 201: SignedIn },
        detail: {
          summary: 'Sign in',
          description:
            'The session is a cookie that lasts at most 12 hours, and ends with the key that opened it. Secure unless on localhost.',
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
        await endSessions(askedBy(request))
        set.status = 204
        set.headers['Set-Cookie'] = sessions.close(addressOf(request))
      },
      {
        response: { 204: Type.Void() },
        detail: {
          summary: 'Sign out everywhere',
          description: 'Ends all sessions of all users: at once here, on all replicas within a second. Keys stay valid.',
          ...needs('admin'),
        },
      },
    )
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString()
