import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import type { TagStats } from '../../src/tags/schema.ts'
import { useQuery } from '../kit/browser/query.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { count } from '../kit/parts/figures.ts'
import { PageFrame } from '../kit/parts/page.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'
import { Breakdown } from '../link/breakdown.tsx'
import { Clicks } from '../link/clicks.tsx'
import { statsQuery, viewOf } from '../link/span.ts'
import { tagPath } from './rename.tsx'

const FRESH_EVERY = 30

/** The statistics of all links with a tag, together. `id` is the tag, as it stands in the address. */
export function TagPage({ id }: { id: string }) {
  const tag = decoded(id)
  const { query, change } = useQuery()
  const [refusedZone, setRefusedZone] = useState('')
  const view = viewOf(query, '31d', refusedZone)
  const { span, by, zone } = view
  const ask = async (signal: AbortSignal) => {
    const answer = await call<Static<typeof TagStats>>('GET', `${tagPath(tag)}/stats?${statsQuery(view, undefined)}`, {
      signal,
    }).catch((thrown) => {
      if (zone !== 'UTC' && asApiError(thrown).details.some(({ field }) => field === 'tz')) setRefusedZone(zone)
      throw thrown
    })
    return answer.data
  }
  const {
    data: stats,
    current,
    error,
    retryAt,
    reload,
  } = useResource([id, span, by, zone].join(' '), { every: FRESH_EVERY, ask })
  useEffect(() => {
    document.title = `${tag} · Waypost`
  }, [tag])

  if (error?.status === 404)
    return (
      <PageFrame title={<Trace tag={tag} />}>
        <Empty title="No link has this tag">
          <a class="button" href="/console/tags">
            Show all tags
          </a>
        </Empty>
      </PageFrame>
    )

  const dimmed = error !== undefined || !current
  const inSpan = stats?.by_day.reduce((sum, { clicks }) => sum + clicks, 0)
  return (
    <PageFrame
      title={<Trace tag={tag} />}
      actions={
        <a class="button" href={`/console/links?${new URLSearchParams({ tag })}`}>
          {stats ? `Show ${counted(stats.links, 'link')}` : 'Show links'}
        </a>
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
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
        <Breakdown title="Referrers" rows={stats?.referrers} all={inSpan} nothing="No clicks in this period." />
        <Breakdown title="Browsers" rows={stats?.browsers} nothing="No data for this period." />
        <Breakdown title="Systems" rows={stats?.systems} nothing="No data for this period." />
        <Breakdown title="Devices" rows={stats?.devices} nothing="No data for this period." />
      </div>
    </PageFrame>
  )
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment // typed by hand
  }
}

/** A link back to the list, and the tag. */
const Trace = ({ tag }: { tag: string }) => (
  <span class="trace">
    <a href="/console/tags">Tags</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    <b>
      <Text of={tag} />
    </b>
  </span>
)
