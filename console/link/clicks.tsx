import type { LinkStats, Stats } from '../../src/clicks/schema.ts'
import { ownZone, systemZone } from '../kit/browser/zone.ts'
import { Choice } from '../kit/parts/choice.tsx'
import { count } from '../kit/parts/figures.ts'
import { type Column, Table } from '../kit/parts/table.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Bars, nameOf } from './bars.tsx'
import { hoursCan, SPANS, type View } from './span.ts'

type Props = {
  stats: Stats | undefined
  view: View
  dimmed: boolean
  change: (part: Record<string, string | undefined>) => void
}

const BY = [
  { value: 'hour', word: 'By hour' },
  { value: 'day', word: 'By day' },
] as const
const AS = [
  { value: 'bars', word: 'Bars' },
  { value: 'table', word: 'Table' },
] as const

/** A scrolling area must be reachable by keyboard. */
const SCROLLS = { tabIndex: 0 }

/** The clicks of a link, or of a tag's links, over time. */
export function Clicks({ stats, view, dimmed, change }: Props) {
  const { span, by, zone, unknown, table } = view
  const buckets = by === 'hour' ? stats?.by_hour : stats?.by_day
  return (
    <section class="click-times" aria-label="Clicks over time">
      <div class="toolbar">
        <h2>Clicks</h2>
        <Choice label="Period" options={SPANS} value={span} change={(value) => change({ span: value, by: undefined })} />
        {hoursCan(span) && <Choice label="Bars" options={BY} value={by} change={(value) => change({ by: value })} />}
        <label class="pick">
          <span class="unseen">Time zone</span>
          <select
            class="select"
            value={zone}
            onChange={(event) => change({ tz: event.currentTarget.value === ownZone ? undefined : event.currentTarget.value })}
          >
            {zones(zone).map((name) => (
              <option key={name} value={name}>
                {name === ownZone && systemZone === ownZone ? `${name} (yours)` : name}
              </option>
            ))}
          </select>
        </label>
        <span class="at-end">
          <Choice
            label="View"
            options={AS}
            value={table ? 'table' : 'bars'}
            change={(value) => change({ as: value === 'table' ? 'table' : undefined })}
          />
        </span>
      </div>
      {unknown !== undefined && (
        <p class="zone-note quiet" role="status">
          Times are in UTC:{' '}
          {unknown === systemZone ? (
            'this browser does not know its time zone'
          ) : (
            <>
              there is no time zone <Text of={unknown} />
            </>
          )}
          .
        </p>
      )}
      <div class={dimmed ? 'dimmed' : undefined}>
        {!buckets ? (
          <div class="bars blank" aria-busy="true" />
        ) : table ? (
          <section class="buckets" aria-label="Clicks over time as a table" {...SCROLLS}>
            <Table label="Clicks over time" columns={columnsOf(view)} rows={buckets.toReversed()} keyOf={({ start }) => start} />
          </section>
        ) : (
          <Bars buckets={buckets} by={by} zone={zone} />
        )}
      </div>
    </section>
  )
}

type Bucket = LinkStats['by_day'][number]

const columnsOf = ({ by, zone }: View): Column<Bucket>[] => [
  { name: 'start', title: by === 'hour' ? 'Hour' : 'Day', cell: ({ start }) => nameOf(start, by, zone) },
  { name: 'people', title: 'By people', figure: true, cell: ({ clicks, bots }) => count(clicks - bots) },
  { name: 'bots', title: 'By bots', figure: true, cell: ({ bots }) => count(bots) },
  { name: 'clicks', title: 'All', figure: true, cell: ({ clicks }) => count(clicks) },
]

const known = Intl.supportedValuesOf('timeZone')

/** The reader's own zone and UTC come first. */
const zones = (chosen: string) => [...new Set([ownZone, 'UTC', chosen, ...known])]
