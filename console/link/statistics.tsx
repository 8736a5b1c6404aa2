import type { Stats } from '../../src/clicks/schema.ts'
import { count } from '../kit/parts/figures.ts'
import { Time } from '../kit/parts/time.tsx'
import { Breakdown } from './breakdown.tsx'
import { Clicks } from './clicks.tsx'
import type { View } from './span.ts'

type Props = {
  /** Undefined until the first answer. */
  stats: Stats | undefined
  view: View
  dimmed: boolean
  change: (part: Record<string, string | undefined>) => void
}

/** The clicks of a link, or of all links with a tag: sums, when they came, and where they came from. */
export function Statistics({ stats, view, dimmed, change }: Props) {
  const inSpan = stats?.by_day.reduce((sum, { clicks }) => sum + clicks, 0)
  return (
    <>
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
    </>
  )
}
