import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { LinkStats } from '../../src/clicks/stats.ts'
import type { Link } from '../../src/links/schema.ts'
import { EditLink } from '../links/edit-link.tsx'
import { Target } from '../links/link-table.tsx'
import { remove } from '../links/removal.ts'
import { Switch } from '../links/switch.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Empty } from '../parts/empty.tsx'
import { count } from '../parts/figures.ts'
import { Bin, Pen, Qr } from '../parts/icons.tsx'
import { PageFrame } from '../parts/page.tsx'
import { QrDialog } from '../parts/qr.tsx'
import { State } from '../parts/state.tsx'
import { Time } from '../parts/time.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { type ApiError, asApiError, call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'
import { useQuery } from '../server/query.ts'
import { may } from '../server/scope.ts'
import { go } from '../shell/route.ts'
import { Breakdown } from './breakdown.tsx'
import { Clicks } from './clicks.tsx'
import { RecentClicks } from './recent.tsx'
import { type Span, statsQuery, viewOf } from './span.ts'
import { Trail } from './trail.tsx'

const FRESH_EVERY = 10
const RETRY = 4

/** One link: where it leads, who clicked, and what was done to it. A deleted one keeps its clicks and its trail. */
export function LinkPage({ id }: { id: string }) {
  const { query, change } = useQuery()
  const [byDefault, setByDefault] = useState<Span>('31d')
  const view = viewOf(query, byDefault)
  const [link, setLink] = useState<Link | 'deleted'>()
  const [stats, setStats] = useState<LinkStats>()
  const [shown, setShown] = useState('')
  const [error, setError] = useState<ApiError>()
  const [retryAt, setRetryAt] = useState(0)
  const [coded, setCoded] = useState(false)
  const running = useRef<AbortController | undefined>(undefined)
  const { span, by, zone } = view

  const load = useCallback(async () => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    try {
      if (!/^\d+$/.test(id)) return await goToCode(id, signal)
      const found = await findLink(id, signal)
      const created = found === 'deleted' ? undefined : found.created_at
      const { data } = await call<LinkStats>('GET', `/urls/${id}/stats?${statsQuery({ ...view, span, by, zone }, created)}`, {
        signal,
      })
      const seen = data.by_day.some(({ clicks }) => clicks > 0)
      if (!query.span && byDefault === '31d' && data.clicks > 0 && !seen) setByDefault('all') // rather than an empty month
      setLink(found)
      setStats(data)
      setShown(`${span} ${by} ${zone}`)
      setError(undefined)
      setRetryAt(0)
    } catch (thrown) {
      if (signal.aborted) return
      setError(asApiError(thrown))
      setRetryAt(Date.now() + RETRY * 1000)
    }
  }, [id, span, by, zone, byDefault, query.span])

  useEffect(() => {
    void load()
    return () => running.current?.abort()
  }, [load])
  useEffect(() => {
    if (!retryAt) return
    const timer = setTimeout(load, retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [retryAt, load])
  useEvery(FRESH_EVERY, () => !error && void load())
  const code = stats?.short_code
  useEffect(() => {
    if (code) document.title = `${code} · Waypost`
  }, [code])

  if (error?.status === 404)
    return (
      <PageFrame title={<Trace name={id} />}>
        <Empty title="There is no such link">
          <p>It never was, was erased with all it had, or belongs to somebody else.</p>
          <a class="button" href="/console/links">
            All links
          </a>
        </Empty>
      </PageFrame>
    )

  const alive = link && link !== 'deleted' ? link : undefined
  const writes = may('write', { bound: true })
  const dimmed = error !== undefined || shown !== `${span} ${by} ${zone}`
  const inSpan = stats?.by_day.reduce((sum, { clicks }) => sum + clicks, 0)
  return (
    <PageFrame
      title={<Trace name={code ?? '…'} />}
      note={
        link === 'deleted' ? (
          <State tone="unknown">deleted: its code is never issued again</State>
        ) : (
          alive?.blocked && <State tone="bad">its host is blocked: it answers 410</State>
        )
      }
      actions={
        alive && (
          <>
            <CopyButton text={alive.short_url} label="Copy" />
            <button type="button" class="button" onClick={() => setCoded(true)}>
              <Qr /> QR
            </button>
            {writes && (
              <>
                <button
                  type="button"
                  class="button"
                  aria-expanded={query.edit === id}
                  onClick={() => change({ edit: query.edit === id ? undefined : id })}
                >
                  <Pen /> Edit
                </button>
                <button
                  type="button"
                  class="button danger"
                  onClick={() => {
                    remove([alive], () => go(`links/${id}`))
                    go('links')
                  }}
                >
                  <Bin /> Delete
                </button>
              </>
            )}
          </>
        )
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={load} />}
      {alive && query.edit === id && <EditLink link={alive} saved={setLink} close={() => change({ edit: undefined })} />}
      {alive && (
        <dl class="link-facts">
          <div class="wide">
            <dt>Leads to</dt>
            <dd>
              <Target url={alive.original_url} />
            </dd>
          </div>
          <div>
            <dt>Title</dt>
            <dd>{alive.title ?? <span class="quiet">none</span>}</dd>
          </div>
          <div>
            <dt>State</dt>
            <dd>
              <Switch link={alive} changed={setLink} disabled={!writes} />
            </dd>
          </div>
          <div>
            <dt>User</dt>
            <dd>
              {alive.user_id === null ? (
                <span class="quiet">nobody’s</span>
              ) : (
                <a href={`/console/links?user=${alive.user_id}`}>{alive.user_id}</a>
              )}
            </dd>
          </div>
          <div>
            <dt>Created</dt>
            <dd>
              <Time at={alive.created_at} />
            </dd>
          </div>
          <div>
            <dt>Updated</dt>
            <dd>
              <Time at={alive.updated_at} />
            </dd>
          </div>
        </dl>
      )}
      <dl class="link-sums">
        <div>
          <dt>Clicks by people</dt>
          <dd class="big figure">{stats ? count(stats.clicks - stats.bots) : '–'}</dd>
        </div>
        <div>
          <dt>Clicks by bots</dt>
          <dd class="big figure">{stats ? count(stats.bots) : '–'}</dd>
        </div>
        <div>
          <dt>Last click</dt>
          <dd class="big">{stats?.last_click ? <Time at={stats.last_click} /> : stats ? 'never' : '–'}</dd>
        </div>
      </dl>
      <Clicks stats={stats} view={view} dimmed={dimmed} change={change} />
      <div class={dimmed ? 'breakdowns dimmed' : 'breakdowns'}>
        <Breakdown title="Referrers" rows={stats?.referrers} all={inSpan} nothing="No click in this span." />
        <Breakdown title="Browsers" rows={stats?.browsers} nothing="Not known of any click in this span." />
        <Breakdown title="Systems" rows={stats?.systems} nothing="Not known of any click in this span." />
        <Breakdown title="Devices" rows={stats?.devices} nothing="Not known of any click in this span." />
      </div>
      {stats && (
        <div class="link-logs">
          <RecentClicks id={stats.id} came={load} />
          <Trail id={stats.id} version={alive?.updated_at ?? ''} />
        </div>
      )}
      {coded && alive && <QrDialog name={alive.short_code} text={alive.short_url} close={() => setCoded(false)} />}
    </PageFrame>
  )
}

/** The way back, and the link's name. */
const Trace = ({ name }: { name: string }) => (
  <span class="trace">
    <a href="/console/links">Links</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    <span class="code">{name}</span>
  </span>
)

/** /console/links/a-code is that of its id. */
async function goToCode(code: string, signal: AbortSignal) {
  const { data } = await call<LinkStats>('GET', `/urls/${encodeURIComponent(code)}/stats`, { signal })
  go(`links/${data.id}`, Object.fromEntries(new URLSearchParams(location.search)), { replace: true })
}

/** A deleted link is no link any more, but its statistics are kept. */
async function findLink(id: string, signal: AbortSignal): Promise<Link | 'deleted'> {
  try {
    return (await call<Link>('GET', `/urls/${id}`, { signal })).data
  } catch (error) {
    if (asApiError(error).status === 404) return 'deleted' // or never there: then the statistics are 404, too
    throw error
  }
}
