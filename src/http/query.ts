// Cleans up the query string before handlers read it: an empty parameter counts as absent, and percent-encoding must be UTF-8.

import { invalid } from '../base/problem.ts'
import { SAFE } from './address.ts'

type Query = Record<string, string | undefined>

/**
 * Corrects `query`, as the router parsed it, in place. Reading requests may send empty parameters, as forms do, and these are removed. Changes may not:
 * `?soft=` on a DELETE must not mean "delete for good". Throws 400 if one of the `known` parameters is not UTF-8. A % that does not start a %XX is
 * literal.
 */
export function tidyQuery({ url, method }: Request, query: Query, known: readonly string[]) {
  const start = url.indexOf('?')
  if (start < 0) return
  if (url.includes('%', start)) decodeInto(query, url.slice(start + 1), known)
  if (!SAFE.has(method)) return
  for (const name of Object.keys(query)) if (query[name] === '') delete query[name]
}

/** All values of a parameter that may be repeated, without empty ones. */
export const valuesOf = ({ url }: Request, name: string): string[] =>
  new URL(url).searchParams.getAll(name).filter((value) => value !== '')

function decodeInto(query: Query, text: string, known: readonly string[]) {
  for (const pair of text.split('#', 1)[0]!.split('&')) {
    const equals = pair.indexOf('=')
    const name = equals < 0 ? pair : pair.slice(0, equals)
    const value = equals < 0 ? '' : pair.slice(equals + 1)
    if (!value.includes('%') || !known.includes(name)) continue
    try {
      const decoded = decodeURIComponent(value.replace(/%(?![0-9a-f]{2})/gi, '%25').replaceAll('+', ' '))
      if (query[name] === value) query[name] = decoded // the router left it undecoded
    } catch {
      throw invalid(name, 'must be UTF-8, percent-encoded')
    }
  }
}
