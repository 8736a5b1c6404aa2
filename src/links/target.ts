import { invalid } from '../http/problem.ts'

export const MAX_TARGET = 4096

/**
 * Checks where a link leads, and returns the Location it gets: null where the target can be sent as it was given (printable ASCII
 * without spaces), else its normalised form. http and https only, no credentials, no control characters.
 */
export function locationOf(target: string, field = 'original_url'): string | null {
  const reason = refusal(target)
  if (reason) throw invalid(field, reason)
  if (/^[\x21-\x7e]+$/.test(target)) return null
  return new URL(target).href
}

/** Why `target` cannot be a link's target, or undefined where it can. */
export function refusal(target: string): string | undefined {
  if (target.length > MAX_TARGET) return `must have at most ${MAX_TARGET} characters`
  if (/[\u0000-\u001f\u007f-\u009f]/.test(target)) return 'must not contain control characters'
  if (!/^https?:\/\/[^/\\]/i.test(target)) return 'must be an http or https URL, with its host'
  const url = URL.parse(target)
  if (!url?.hostname) return 'is not a valid URL'
  if (url.username || url.password) return 'must not contain a user name or password'
  if (url.href.length > MAX_TARGET) return `must have at most ${MAX_TARGET} characters once it is encoded`
  return undefined
}
