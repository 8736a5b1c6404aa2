// The view of the log as the page's address says it. Names are those of GET /logs, so that either address can be made into the other.
import { go } from '../shell/route.ts'

export type Search = { text: string; pattern: boolean }

export type View = {
  /** '' and 'all': every replica; else the id of one. */
  replica: string
  level: string
  find: Search
  hide: Search
  /** Marked wherever it stands, without leaving anything out. */
  mark: string
  request: string
  /** Whether the requests of consoles are shown. */
  own: boolean
  /** The line that is open. */
  line: string
  /** The line whose neighbours are shown instead of the filtered log. */
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

/** Shows `view`. `replace` leaves no step to go back to. */
export function showView(view: View, options?: { replace?: boolean }) {
  const { replica, mark, line, around } = view
  go('logs', { ...filtersOf(view), own: view.own ? '1' : undefined, replica, mark, line, around }, options)
}

/** The part of a view that the server filters by. */
export const filtersOf = ({ level, find, hide, request, own }: View): Record<string, string | undefined> => ({
  level,
  [find.pattern ? 'regex' : 'filter']: find.text,
  [hide.pattern ? 'not_regex' : 'not']: hide.text,
  request_id: request,
  own: own ? undefined : '0',
})

/** The address of what the view shows, or of its file. */
export function logsPath(view: View, replica: string, more: Record<string, string> = {}): string {
  const all = Object.entries({ ...filtersOf(view), replica, ...more }).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return `/logs?${new URLSearchParams(all)}`
}

/** Whether anything is left out on the reader's wish. */
export const narrowed = ({ level, find, hide, request }: View) => Boolean(level || find.text || hide.text || request)
