import { session } from '../server/session.ts'

/** A `curl` command for a path of this server, to copy, with the token if one is needed. `data` is sent as JSON. */
export function curlOf(path: string, data?: object): string {
  const token = session.caller?.mode === 'token' ? ` -H "Authorization: Bearer $ADMIN_TOKEN"` : ''
  const body = data ? ` -H 'Content-Type: application/json' -d '${JSON.stringify(data)}'` : ''
  return `curl ${location.origin}${path}${token}${body}`
}
