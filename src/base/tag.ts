// The rules for tags, shared by links, filters, keys and imports.
import { invalid } from './problem.ts'

/** Per link. sql/ has the same number. */
export const MAX_TAGS = 30
const MAX_LENGTH = 64

/** `text` as a tag: trimmed, in NFC. Throws 400 with the field. */
export function tagOf(text: string, field: string): string {
  const tag = text.normalize('NFC').trim()
  const reason = refusal(tag)
  if (reason) throw invalid(field, reason)
  return tag
}

function refusal(tag: string): string | undefined {
  if (tag === '' || tag.length > MAX_LENGTH) return `must have 1 to ${MAX_LENGTH} characters`
  if (/[,|]/.test(tag)) return 'must not contain a comma or a vertical bar' // a CSV file separates tags by bars
  if (/\p{Cc}/u.test(tag)) return 'must not contain control characters'
  if (/^\.\.?$/.test(tag)) return 'must not be a dot or two' // no URL can contain it
  return undefined
}

/** The same for a list. If tags differ only by case, the first is kept. */
export function tagsOf(list: readonly string[], field: string): string[] {
  const tags = new Map<string, string>()
  for (const [index, text] of list.entries()) {
    const tag = tagOf(text, `${field}[${index}]`)
    const key = tag.toLowerCase()
    if (!tags.has(key)) tags.set(key, tag)
    if (tags.size > MAX_TAGS) throw invalid(field, `must be at most ${MAX_TAGS}`)
  }
  return [...tags.values()]
}
