// Checks of a new link before it is sent. The server has the last word.
import { tagsIn } from '../kit/parts/tags.tsx'

/** `tags` are separated by commas. */
export type Draft = { target: string; code: string; title: string; tags: string }
export type Field = keyof Draft
export const EMPTY: Draft = { target: '', code: '', title: '', tags: '' }

/** The target as it is sent: a bare host gets https://. */
export function completed(target: string): string {
  const text = target.trim()
  return text === '' || /^[a-z][a-z0-9+.-]*:/i.test(text.replace(/^[^/?#]*:\d+(?=[/?#]|$)/, '')) ? text : `https://${text}`
}

/** A sentence for each invalid field. */
export function faultsOf({ target, code, title, tags }: Draft): Partial<Record<Field, string>> {
  const faults: Partial<Record<Field, string>> = {}
  const url = URL.parse(completed(target))
  if (target.trim() === '') faults.target = 'Enter the address that the link leads to.'
  else if (target.length > 4096) faults.target = 'Use at most 4,096 characters.'
  else if (!url || url.host.includes('%'))
    faults.target = 'This is not a web address.' // Chromium accepts spaces in a host, as %20
  else if (!/^https?:$/.test(url.protocol)) faults.target = 'Use an http or https address.'
  else if (url.username || url.password) faults.target = 'Remove the user name and password from the address.'
  if (code !== '') {
    if (!/^[A-Za-z0-9_-]*$/.test(code)) faults.code = 'Use only letters, digits, _ and -.'
    else if (code.length < 3) faults.code = 'Use at least 3 characters.'
    else if (code.length > 64) faults.code = 'Use at most 64 characters.'
    else if (/^\d+$/.test(code)) faults.code = 'Use at least one letter, _ or -.'
  }
  if (title.length > 500) faults.title = 'Use at most 500 characters.'
  if (tagsIn(tags).length > 30) faults.tags = 'Use at most 30 tags.'
  return faults
}

/** The name in this form of one of the server's fields. */
export const fieldOf = (name: string): Field | undefined =>
  (({ original_url: 'target', short_code: 'code', title: 'title', tags: 'tags' }) as const)[
    name.replace(/\[\d+\]$/, '') as 'title'
  ]
