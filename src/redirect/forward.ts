// Forwards a visitor's query and path to the target. The target is concatenated, never parsed and rebuilt: signed URLs stay valid.
import { LONGEST_URL } from './target.ts'

const SENDABLE = /^[\x21-\x7e]*$/

export type QueryMode = 'add' | 'override'

/**
 * `location` with the `query` (without its ?) of the visitor. If both have a parameter, `add` keeps the target's, `override` the visitor's. The host
 * cannot change: the query goes behind the ?. A query that cannot be sent is left out.
 */
export function withQuery(location: string, query: string, mode: QueryMode): string {
  if (query === '' || !SENDABLE.test(query)) return location
  const hash = location.indexOf('#')
  const head = hash < 0 ? location : location.slice(0, hash)
  const fragment = hash < 0 ? '' : location.slice(hash)
  const mark = head.indexOf('?')
  const ours = mark < 0 ? '' : head.slice(mark + 1)
  // A # in a request's query is no fragment: browsers do not send one.
  const theirs = query.replaceAll('#', '%23')
  let joined: string
  if (ours === '') joined = theirs
  else if (mode === 'add') joined = `${ours}&${without(theirs, namesIn(ours))}`
  else joined = `${without(ours, namesIn(theirs))}&${theirs}`
  joined = joined.replace(/^&|&$/g, '')
  const forwarded = `${mark < 0 ? head : head.slice(0, mark)}${joined && '?'}${joined}${fragment}`
  return forwarded.length > LONGEST_URL ? location : forwarded
}

/**
 * `location` with `rest`, the visitor's path behind the code (with its leading slash), at the end of its path. Undefined if it cannot be sent,
 * or contains `.` or `..` as a segment, which would leave the target's folder.
 */
export function withPath(location: string, rest: string): string | undefined {
  if (!SENDABLE.test(rest) || /[?#\\]/.test(rest) || DOTS.test(rest)) return undefined
  const end = location.search(/[?#]/)
  const head = end < 0 ? location : location.slice(0, end)
  const tail = end < 0 ? '' : location.slice(end)
  const forwarded = `${head.replace(/\/$/, '')}${rest}${tail}`
  return forwarded.length > LONGEST_URL ? undefined : forwarded
}

/** A segment of one or two dots, also percent-encoded, which browsers resolve. */
const DOTS = /(^|[/\\]|%2f|%5c)(\.|%2e){1,2}(?=$|[/\\]|%2f|%5c)/i

const parts = (query: string) => query.split('&')
const nameOf = (part: string) => decoded(part.split('=', 1)[0]!)
const namesIn = (query: string) => new Set(parts(query).map(nameOf))
const without = (query: string, names: Set<string>) =>
  parts(query)
    .filter((part) => part !== '' && !names.has(nameOf(part)))
    .join('&')

/** The name of a parameter as servers read it: `a%5B%5D` and `a[]` are one. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
