// The list's view lives in the page's address, so that it can be reloaded and shared.

export type Filter = 'all' | 'active' | 'inactive'
export type View = { search: string; filter: Filter; page: number }

export function readView(): View {
  const query = new URLSearchParams(location.search)
  const filter = query.get('show')
  return {
    search: query.get('q') ?? '',
    filter: filter === 'active' || filter === 'inactive' ? filter : 'all',
    page: Math.max(1, Math.floor(Number(query.get('page'))) || 1),
  }
}

export function writeView({ search, filter, page }: View) {
  const query = new URLSearchParams()
  if (search) query.set('q', search)
  if (filter !== 'all') query.set('show', filter)
  if (page > 1) query.set('page', String(page))
  const text = query.toString()
  history.replaceState(null, '', text ? `?${text}` : location.pathname)
}
