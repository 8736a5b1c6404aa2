import { isHost, isPlainHost } from '../base/host.ts'
import { invalid } from '../base/problem.ts'

export const MAX_TARGET = 4096
/** Characters that one UTF-16 unit may become: %XX for each of three bytes. */
const LONGEST_ENCODED = 9

/**
 * Validates a target and returns its Location header: null if the target can be sent as given (printable ASCII without spaces), else its
 * normalised form. http and https only, no credentials, no control characters.
 */
export function locationOf(target: string, field = 'original_url'): string | null {
  const reason = refusal(target)
  if (reason) throw invalid(field, reason)
  return encoded(target)
}

/** The same for a target that is valid. */
export const encoded = (target: string): string | null => (/^[\x21-\x7e]+$/.test(target) ? null : new URL(target).href)

/** Why `target` is invalid, as a phrase that follows the field's name; undefined if it is valid. */
export function refusal(target: string): string | undefined {
  if (target.length > MAX_TARGET) return `must have at most ${MAX_TARGET} characters`
  if (/[\u0000-\u001f\u007f-\u009f]/.test(target)) return 'must not contain control characters'
  if (!/^https?:\/\/[^/\\]/i.test(target)) return 'must be an http or https URL with a host'
  if (target.length <= MAX_TARGET / LONGEST_ENCODED && isPlainHost(target)) return undefined
  const url = URL.parse(target)
  if (!url?.hostname) return 'is not a valid URL'
  if (!isHost(url.hostname))
    return 'must have a valid host: an IP address, or labels of letters, digits and hyphens separated by single dots'
  if (url.port === '0') return 'must have a port from 1 to 65535, or no port'
  if (url.username || url.password) return 'must not contain a user name or password'
  if (url.href.length > MAX_TARGET) return `must have at most ${MAX_TARGET} characters once encoded`
  return undefined
}
