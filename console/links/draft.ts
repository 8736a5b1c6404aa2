// What can be said of a new link before the server is asked. The server has the last word.

export type Draft = { target: string; code: string; title: string }
export type Field = keyof Draft
export const EMPTY: Draft = { target: '', code: '', title: '' }

/** The target as it will be sent: a bare host gets https://. */
export function completed(target: string): string {
  const text = target.trim()
  return text === '' || /^[a-z][a-z0-9+.-]*:/i.test(text.replace(/^[^/?#]*:\d+(?=[/?#]|$)/, '')) ? text : `https://${text}`
}

/** A sentence for each field that would be refused. */
export function faultsOf({ target, code, title }: Draft): Partial<Record<Field, string>> {
  const faults: Partial<Record<Field, string>> = {}
  const url = URL.parse(completed(target))
  if (target.trim() === '') faults.target = 'Where should the link lead?'
  else if (target.length > 4096) faults.target = 'At most 4,096 characters.'
  else if (!url || url.host.includes('%'))
    faults.target = 'This is not a web address.' // Chromium takes spaces in a host, as %20
  else if (!/^https?:$/.test(url.protocol)) faults.target = 'Only http and https addresses.'
  else if (url.username || url.password) faults.target = 'No user or password in the address.'
  if (code !== '') {
    if (!/^[A-Za-z0-9_-]*$/.test(code)) faults.code = 'Letters, digits, _ and - only.'
    else if (code.length < 3) faults.code = 'At least 3 characters.'
    else if (code.length > 64) faults.code = 'At most 64 characters.'
    else if (/^\d+$/.test(code)) faults.code = 'Not digits alone.'
  }
  if (title.length > 500) faults.title = 'At most 500 characters.'
  return faults
}

/** The server's field names, as this form calls them. */
export const fieldOf = (name: string): Field | undefined =>
  (({ original_url: 'target', short_code: 'code', title: 'title' }) as const)[name as 'title']
