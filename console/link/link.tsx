import { useEffect, useState } from 'preact/hooks'
import type { LinkStats } from '../../src/clicks/schema.ts'
import type { Link } from '../../src/links/schema.ts'
import { go } from '../kit/browser/route.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { Empty } from '../kit/parts/empty.tsx'
import { Again, Bin, Pen, Qr } from '../kit/parts/icons.tsx'
import { Menu } from '../kit/parts/menu.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { QrDialog } from '../kit/parts/qr.tsx'
import { State } from '../kit/parts/state.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Trace } from '../kit/parts/trace.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'
import { may } from '../kit/server/scope.ts'
import { EditLink } from '../links/edit-link.tsx'
import { remove } from '../links/removal.ts'
import { LinkState } from '../links/state.tsx'
import { Codes } from './codes.tsx'
import { Facts } from './facts.tsx'
import { RecentClicks } from './recent.tsx'
import { resetClicks } from './reset.ts'
import type { Span } from './span.ts'
import { Statistics } from './statistics.tsx'
import { useStatsView } from './stats-view.ts'
import { Trail } from './trail.tsx'

const FRESH_EVERY = 10

/** One link: its target, its clicks, and its changes. A deleted link keeps its clicks and its audit trail. */
export function LinkPage({ id }: { id: string }) {
  const [byDefault, setByDefault] = useState<Span>('31d')
  const { query, change, view, ask: askStats, key } = useStatsView(byDefault)
  const [coded, setCoded] = useState(false)
  const [resets, setResets] = useState(0)
  const { zone } = view

  const ask = async (signal: AbortSignal) => {
    if (!/^\d+$/.test(id)) return goToCode(id, signal)
    const link = await findLink(id, signal)
    const created = link === 'deleted' ? undefined : link.created_at
    const stats = await askStats<LinkStats>(`/urls/${id}/stats`, signal, created)
    const seen = stats.by_day.some(({ clicks }) => clicks > 0)
    if (!query.span && byDefault === '31d' && stats.clicks > 0 && !seen) setByDefault('all') // instead of an empty month
    return { link, stats }
  }
  const { data, current, error, retryAt, reload, change: show } = useResource(`${id} ${key}`, { every: FRESH_EVERY, ask })
  const { link, stats } = data ?? {}
  const setLink = (link: Link) => show((data) => data && { ...data, link })
  const code = (link !== 'deleted' && link?.short_code) || stats?.short_code
  useEffect(() => {
    if (code) document.title = `${code} · Waypost`
  }, [code])

  if (error?.status === 404)
    return (
      <PageFrame title={<Title code={id} />}>
        <Empty title="Link not found">
          <p>It doesn’t exist, was purged, or belongs to another user.</p>
          <a class="button" href="/console/links">
            Show all links
          </a>
        </Empty>
      </PageFrame>
    )

  const afterReset = () => {
    setResets(resets + 1)
    void reload()
  }
  const erase = () => {
    remove([alive!], () => go(`links/${id}`))
    go('links')
  }
  const alive = link && link !== 'deleted' ? link : undefined
  const writes = may('write', { bound: true })
  const dimmed = error !== undefined || !current
  const edited = query.edit === id
  return (
    <PageFrame
      title={<Title code={code ?? '…'} />}
      note={
        link === 'deleted' ? (
          <State tone="unknown">Deleted. Its code is never issued again.</State>
        ) : (
          alive && <LinkState link={alive} />
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
                  aria-expanded={edited}
                  onClick={() => change({ edit: edited ? undefined : id })}
                >
                  <Pen /> Edit
                </button>
                <Menu
                  label="More actions"
                  items={[
                    { word: 'Reset clicks…', icon: <Again />, act: () => void resetClicks(alive, afterReset) },
                    { word: 'Delete', icon: <Bin />, act: erase },
                  ]}
                />
              </>
            )}
          </>
        )
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {alive && edited && <EditLink link={alive} saved={setLink} zone={zone} close={() => change({ edit: undefined })} />}
      {alive && !edited && <Facts link={alive} zone={zone} changed={setLink} />}
      {alive && <Codes link={alive} changed={setLink} writes={writes} />}
      <Statistics stats={stats} view={view} dimmed={dimmed} change={change} />
      {stats && (
        <div class="link-logs">
          <RecentClicks id={stats.id} came={reload} />
          <Trail id={stats.id} version={`${alive?.updated_at} ${alive?.aliases?.join()} ${resets}`} />
        </div>
      )}
      {coded && alive && <QrDialog name={alive.short_code} text={alive.short_url} close={() => setCoded(false)} />}
    </PageFrame>
  )
}

const Title = ({ code }: { code: string }) => (
  <Trace path="links" list="Links">
    <span class="code">
      <Text of={code} />
    </span>
  </Trace>
)

/** /console/links/a-code redirects to the page of its id. */
async function goToCode(code: string, signal: AbortSignal) {
  const { data } = await call<LinkStats>('GET', `/urls/${encodeURIComponent(decodeURIComponent(code))}/stats`, { signal })
  go(`links/${data.id}`, Object.fromEntries(new URLSearchParams(location.search)), { replace: true })
}

/** A deleted link is gone, but its statistics are kept. */
async function findLink(id: string, signal: AbortSignal): Promise<Link | 'deleted'> {
  try {
    return (await call<Link>('GET', `/urls/${id}`, { signal })).data
  } catch (error) {
    if (asApiError(error).status === 404) return 'deleted' // or it never existed: then the statistics get 404, too
    throw error
  }
}
