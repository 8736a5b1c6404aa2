import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { LinkStats } from '../../src/clicks/schema.ts'
import { useTheme } from '../kit/browser/theme.ts'
import { isZone } from '../kit/browser/zone.ts'
import { coloursOf } from '../kit/parts/chart.tsx'
import { count, short } from '../kit/parts/figures.ts'
import type { By } from './span.ts'

type Bucket = LinkStats['by_day'][number]
type Props = { buckets: Bucket[]; by: By; zone: string }

const HEIGHT = 200

/** Clicks as bars, people in front of bots. The figures of the bar under the cursor are shown above. */
export function Bars({ buckets, by, zone }: Props) {
  const theme = useTheme()
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | undefined>(undefined)
  const [under, setUnder] = useState<number>()

  const data = [
    buckets.map(({ start }) => Date.parse(start) / 1000),
    buckets.map(({ clicks }) => clicks),
    buckets.map(({ clicks, bots }) => clicks - bots),
  ] as uPlot.AlignedData

  useEffect(() => {
    const element = place.current!
    chart.current = draw(element, data, by, zone, setUnder)
    const observer = new ResizeObserver(() => {
      if (chart.current && element.clientWidth > 0) chart.current.setSize({ width: element.clientWidth, height: HEIGHT })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.current?.destroy()
    }
  }, [theme, by, zone, buckets.length, buckets[0]?.start])
  useEffect(() => chart.current?.setData(data), [buckets])

  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    }
    const step = steps[event.key]
    if (step === undefined || !chart.current) return
    event.preventDefault()
    const to = Math.max(0, Math.min(buckets.length - 1, (under ?? buckets.length - 1) + step))
    setUnder(to)
    chart.current.setCursor({ left: chart.current.valToPos(data[0]![to]!, 'x'), top: 10 })
  }

  const bucket = under === undefined ? undefined : buckets[under]
  const sum = (list: Bucket[]) => ({
    clicks: list.reduce((total, { clicks }) => total + clicks, 0),
    bots: list.reduce((total, { bots }) => total + bots, 0),
  })
  const shown = bucket ?? sum(buckets)
  return (
    <div class="bars">
      <p class="legend figure">
        <span class="at">{bucket ? nameOf(bucket.start, by, zone) : `Last ${count(buckets.length)} ${by}s`}</span>
        <span class="people">{count(shown.clicks - shown.bots)} by people</span>
        <span class="bots">{count(shown.bots)} by bots</span>
      </p>
      <div
        ref={place}
        class="chart"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrows move the cursor
        tabIndex={0}
        aria-label={`Clicks by ${by}: ${count(sum(buckets).clicks)} in ${count(buckets.length)} ${by}s, ${count(sum(buckets).bots)} of them by bots. Switch to the table for single values.`}
        onKeyDown={move}
      />
    </div>
  )
}

function draw(
  element: HTMLElement,
  data: uPlot.AlignedData,
  by: By,
  zone: string,
  hover: (place: number | undefined) => void,
): uPlot {
  const colours = coloursOf(element)
  const axis = {
    stroke: colours.quiet,
    font: `11px ${getComputedStyle(element).fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colours.line, width: 1 },
  }
  const paths = uPlot.paths.bars!({ size: [0.8, 48], align: 0 })
  const step = by === 'hour' ? 3600 : 86_400
  const zoned = isZone(zone) ? zone : 'UTC'
  return new uPlot(
    {
      width: Math.max(element.clientWidth, 80),
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), zoned),
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: (_, least, most) => [least - step / 2, most + step / 2] },
        y: { range: (_, __, most) => [0, Math.max(most ?? 0, 4) * 1.1] },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          space: 64,
          grid: { show: false },
          values: (_, splits, __, ___, apart) => splits.map((time) => labelOf(time, apart, zoned)),
        },
        { ...axis, size: 44, gap: 6, space: 32, incrs: WHOLE, values: (_, splits) => splits.map(short) },
      ],
      series: [
        {},
        { label: 'bots', fill: colours.faint, width: 0, points: { show: false }, paths },
        { label: 'people', fill: colours.accent, width: 0, points: { show: false }, paths },
      ],
      hooks: { setCursor: [(self) => hover(self.cursor.idx ?? undefined)] },
    },
    data,
    element,
  )
}

const DAY = 86_400

/** 14:00, 21 Oct or Oct 2026: as much as distinguishes neighbours. */
function labelOf(time: number, apart: number, timeZone: string): string {
  const say = (options: Intl.DateTimeFormatOptions) => new Date(time * 1000).toLocaleString('en-GB', { timeZone, ...options })
  if (apart >= 28 * DAY) return say({ month: 'short', year: 'numeric' })
  const clock = say({ hour: '2-digit', minute: '2-digit' })
  return apart >= DAY || clock === '00:00' ? say({ day: 'numeric', month: 'short' }) : clock
}

const WHOLE = [1, 2, 5].flatMap((first) => Array.from({ length: 9 }, (_, zeros) => first * 10 ** zeros)).sort((a, b) => a - b)

/** Sat, 21 Nov 2026, and the hour, in the time zone. */
export const nameOf = (start: string, by: By, zone: string) =>
  new Date(start).toLocaleString('en-GB', {
    timeZone: isZone(zone) ? zone : 'UTC',
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    ...(by === 'hour' && { hour: '2-digit', minute: '2-digit' }),
  })
