/** Whether an If-None-Match matches `tag`: `*`, or a list that contains it, compared weakly (RFC 9110, 13.1.2). `tag` includes its quotes. */
export function isKnown(ifNoneMatch: string | null, tag: string): boolean {
  if (!ifNoneMatch) return false
  if (ifNoneMatch.trim() === '*') return true
  const wanted = opaque(tag)
  return (ifNoneMatch.match(TAG) ?? []).some((known) => opaque(known) === wanted)
}

// Commas may occur within the quotes.
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

const opaque = (tag: string) => tag.replace(/^W\//, '')
