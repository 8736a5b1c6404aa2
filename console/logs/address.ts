// The view of the log, as the address has it. Parameters are named as those of GET /logs.
import { go } from '../kit/browser/route.ts'

export type Search = { text: string; pattern: boolean }

export type View = {
  /** '' and 'all': every replica; else the id of one. */
  replica: string
  level: string
  find: Search
  hide: Search
  /** Highlighted, without excluding anything. */
  mark: string
  request: string
  /** Whether the requests of consoles are shown. */
  own: boolean
  /** The open line. */
  line: string
  /** The line whose context is shown instead of the filtered log. */
  around: string
}

export const LEVELS = ['info', 'warn', 'error', 'fatal']

export function readView(query: URLSearchParams): View {
  const of = (name: string) => query.get(name) ?? ''
  const search = (text: string, pattern: string): Search => ({ text: of(pattern) || of(text), pattern: of(pattern) !== '' })
  const level = of('level').toLowerCase()
  return {
    replica: of('replica') === 'all' ? '' : of('replica'),
    level: level === 'warning' ? 'warn' : level,
    find: search('filter', 'regex'),
    hide: search('not', 'not_regex'),
    mark: of('mark'),
    request: of('request_id'),
    own: /^(1|true)$/i.test(of('own')),
    line: of('line'),
    around: of('around'),
  }
}

/** Shows `view`. `replace` adds no entry to the history. */
export function showView(view: View, options?: { replace?: boolean }) {
  const { replica, mark, line, around } = view
  go('logs', { ...filtersOf(view), own: view.own ? '1' : undefined, replica, mark, line, around }, options)
}

/** The part of a view that the server filters by. */
const filtersOf = ({ level, find, hide, request, own }: View): Record<string, string | undefined> => ({
  level,
  [find.pattern ? 'regex' : 'filter']: find.text,
  [hide.pattern ? 'not_regex' : 'not']: hide.text,
  request_id: request,
  own: own ? undefined : '0',
})

/** The server's path for the view, or for its download. */
export function logsPath(view: View, replica: string, more: Record<string, string> = {}): string {
  const all = Object.entries({ ...filtersOf(view), replica, ...more }).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return `/logs?${new URLSearchParams(all)}`
}

/** Whether a filter is set. */
export const narrowed = ({ level, find, hide, request }: View) => Boolean(level || find.text || hide.text || request)
