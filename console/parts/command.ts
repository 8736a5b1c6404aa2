import { session } from '../server/session.ts'

/** `curl` of a path here, to be copied: with what lets it in, where that is asked for. `data` is sent as JSON. */
export function curlOf(path: string, data?: object): string {
  const token = session.caller?.mode === 'token' ? ` -H "Authorization: Bearer $ADMIN_TOKEN"` : ''
  const body = data ? ` -H 'Content-Type: application/json' -d '${JSON.stringify(data)}'` : ''
  return `curl ${location.origin}${path}${token}${body}`
}
