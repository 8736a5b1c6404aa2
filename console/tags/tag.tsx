import { useEffect } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import type { TagStats } from '../../src/tags/schema.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Trace } from '../kit/parts/trace.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useResource } from '../kit/server/resource.ts'
import { Statistics } from '../link/statistics.tsx'
import { useStatsView } from '../link/stats-view.ts'
import { tagPath } from './rename.tsx'

const FRESH_EVERY = 30

/** The statistics of all links with a tag, together. `id` is the tag, as in the address. */
export function TagPage({ id }: { id: string }) {
  const tag = decoded(id)
  const { change, view, ask: askStats, key } = useStatsView('31d')
  const ask = (signal: AbortSignal) => askStats<TagStats>(`${tagPath(tag)}/stats`, signal)
  const { data: stats, current, error, retryAt, reload } = useResource(`${id} ${key}`, { every: FRESH_EVERY, ask })
  useEffect(() => {
    document.title = `${tag} · Waypost`
  }, [tag])

  if (error?.status === 404)
    return (
      <PageFrame title={<Title tag={tag} />}>
        <Empty title="No link has this tag">
          <a class="button" href="/console/tags">
            Show all tags
          </a>
        </Empty>
      </PageFrame>
    )

  const dimmed = error !== undefined || !current
  return (
    <PageFrame
      title={<Title tag={tag} />}
      actions={
        <a class="button" href={`/console/links?${new URLSearchParams({ tag })}`}>
          {stats ? `Show ${counted(stats.links, 'link')}` : 'Show links'}
        </a>
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      <Statistics stats={stats} view={view} dimmed={dimmed} change={change} />
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

const Title = ({ tag }: { tag: string }) => (
  <Trace path="tags" list="Tags">
    <b>
      <Text of={tag} />
    </b>
  </Trace>
)
