// A chart of series over time: uPlot in the colours of the theme. Charts of one `group` share their cursor. Dragging selects a period.
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { useShade } from '../browser/theme.ts'

type Colour = 'accent' | 'quiet' | 'faint' | 'warn' | 'bad' | 'good'
export type Series = {
  name: string
  colour: Colour
  /** Tells series apart without colour: on paper, and for colour-blind readers. */
  dash?: number[]
  /** The area below it is tinted. */
  filled?: boolean
}

type Props = {
  /** What it shows, and the current value, for screen readers. */
  label: string
  /** The value at an index of `data`, for screen readers. The arrow keys move from one to the next. */
  say: (place: number) => string
  /** Seconds since 1970, then the values of each series. */
  data: (number | null)[][]
  series: Series[]
  /** How a value is written at the axis. */
  write: (value: number) => string
  height?: number
  /** Ends of the time axis, in seconds since 1970. */
  from: number
  to: number
  /** Seconds between two values. A longer gap interrupts the line. */
  step: number
  /** The axis reaches at least this far, so that a quiet chart does not show its noise. */
  atLeast?: number
  /** Drawn as a line across the chart. */
  limit?: number
  group?: string
  /** The index in `data` at the cursor of the group; the last index if there is no cursor. */
  at: number
  /** The cursor moved to this index of `data`; null: it left. */
  hover?: (place: number | null) => void
  /** A period was selected by dragging. */
  zoom?: (from: number, to: number) => void
  /** Goes back to the whole period. */
  unzoom?: () => void
}

const SMALLEST_DRAG = 6 // px
const LONGEST_GAP = 3 // steps

export function Chart(props: Props) {
  const shade = useShade()
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | undefined>(undefined)
  const latest = useRef(props)
  latest.current = props
  const { label, say, at, data, series, from, to, limit, height = 120 } = props

  // One chart per task, here and below: eight at once would block the page.
  useEffect(() => {
    const element = place.current!
    const cancel = inTurn(() => {
      chart.current = draw(element, latest)
    })
    const observer = new ResizeObserver(() => {
      const { clientWidth: width } = element
      if (chart.current && width > 0 && width !== chart.current.width) chart.current.setSize({ width, height })
    })
    observer.observe(element)
    return () => {
      cancel()
      observer.disconnect()
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [shade, height, series.length])

  useEffect(() => {
    if (!chart.current) return
    return inTurn(() => {
      chart.current?.setData(drawn(latest.current), false)
      chart.current?.setScale('x', { min: latest.current.from, max: latest.current.to })
    })
  }, [...data, from, to, limit])

  return (
    <div
      ref={place}
      class="chart"
      role="slider"
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, data[0]!.length - 1)}
      aria-valuenow={at}
      aria-valuetext={say(at)}
      tabIndex={0}
      onKeyDown={(event) => chart.current && steer(event, chart.current, latest.current)}
      onBlur={() => chart.current?.setCursor({ left: -10, top: -10 })}
    />
  )
}

function draw(element: HTMLElement, props: { current: Props }): uPlot {
  const { series, from, to, height = 120, group } = props.current
  const colours = coloursOf(element)
  const axis = {
    stroke: colours.quiet,
    font: `11px ${getComputedStyle(element).fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colours.line, width: 1 },
  }
  const chart = new uPlot(
    {
      width: Math.max(element.clientWidth, 80),
      height,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 5, width: 0 },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            props.current.unzoom?.()
            return null
          },
        },
        ...(group ? { sync: { key: group, setSeries: false } } : {}),
      },
      scales: {
        x: { time: true, range: (_, min, max) => [min, max] },
        y: {
          range: (_, __, most) => {
            const { atLeast = 1, limit } = props.current
            const top = Math.max(most ?? 0, atLeast)
            // A limit is shown once it is near, else it would flatten everything below it.
            return [0, limit !== undefined && top > limit / 3 ? Math.max(top, limit) * 1.08 : top * 1.12]
          },
        },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 7,
          space: 64,
          grid: { show: false },
          values: (_, splits, __, ___, step) => splits.map((split) => clock(split, step)),
        },
        { ...axis, size: 52, gap: 6, space: 32, values: (_, splits) => splits.map((split) => props.current.write(split)) },
      ],
      series: [
        {},
        ...series.map(({ name, colour, dash, filled }) => ({
          label: name,
          stroke: colours[colour],
          width: 1.25,
          ...(dash ? { dash } : {}),
          ...(filled ? { fill: `color-mix(in srgb, ${colours[colour]} 10%, transparent)` } : {}),
          points: { show: false },
          spanGaps: false,
          gaps: (self: uPlot, _: number, first: number, last: number, gaps: uPlot.Series.Gaps) => {
            const times = self.data[0]
            for (let place = first + 1; place <= last; place++)
              if (times[place]! - times[place - 1]! > props.current.step * LONGEST_GAP)
                uPlot.addGap(
                  gaps,
                  Math.round(self.valToPos(times[place - 1]!, 'x', true)),
                  Math.round(self.valToPos(times[place]!, 'x', true)),
                )
            return gaps
          },
        })),
      ],
      hooks: {
        setCursor: [(self) => props.current.hover?.(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width } = self.select
            if (width === 0) return
            self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
            if (width >= SMALLEST_DRAG) props.current.zoom?.(self.posToVal(left, 'x'), self.posToVal(left + width, 'x'))
          },
        ],
        draw: [
          (self) => {
            const { limit } = props.current
            if (limit === undefined || limit > self.scales.y!.max!) return
            const y = Math.round(self.valToPos(limit, 'y', true))
            const { ctx, bbox } = self
            ctx.save()
            ctx.strokeStyle = colours.warn
            ctx.setLineDash([4, 4])
            ctx.beginPath()
            ctx.moveTo(bbox.left, y)
            ctx.lineTo(bbox.left + bbox.width, y)
            ctx.stroke()
            ctx.restore()
          },
        ],
      },
    },
    drawn(props.current),
    element,
  )
  chart.setScale('x', { min: from, max: to })
  return chart
}

/** Series of errors are hidden while they are 0 throughout. */
const drawn = ({ data, series }: Props) =>
  data.map((column, place) => {
    const colour = series[place - 1]?.colour
    return (colour === 'bad' || colour === 'warn') && !column.some(Boolean) ? column.map(() => null) : column
  }) as uPlot.AlignedData

/** Arrows move the cursor, + and - zoom around it, 0 and Escape end the zoom. */
function steer(event: KeyboardEvent, chart: uPlot, { data, from, to, zoom, unzoom }: Props) {
  const times = data[0]! as number[]
  const at = chart.cursor.idx ?? times.length - 1
  const move = (to: number) => {
    const time = times[Math.max(0, Math.min(times.length - 1, to))]
    if (time !== undefined) chart.setCursor({ left: chart.valToPos(time, 'x'), top: 10 })
  }
  const scale = (factor: number) => {
    const middle = times[at] ?? (from + to) / 2
    zoom?.(middle - ((to - from) * factor) / 2, middle + ((to - from) * factor) / 2)
  }
  const keys: Record<string, () => void> = {
    ArrowLeft: () => move(at - (event.shiftKey ? 10 : 1)),
    ArrowRight: () => move(at + (event.shiftKey ? 10 : 1)),
    Home: () => move(0),
    End: () => move(times.length - 1),
    '+': () => scale(0.5),
    '=': () => scale(0.5),
    '-': () => scale(2),
    '0': () => unzoom?.(),
    Escape: () => unzoom?.(),
  }
  const action = keys[event.key]
  if (!action || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  event.stopPropagation()
  action()
}

const pad = (value: number) => String(value).padStart(2, '0')

/** 14:05, with seconds where the axis needs them. */
export function clock(time: number, step = 1): string {
  const date = new Date(time * 1000)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}${step < 60 ? `:${pad(date.getSeconds())}` : ''}`
}

/** The theme's colours, for a canvas. */
export function coloursOf(element: HTMLElement): Record<Colour | 'line', string> {
  const style = getComputedStyle(element)
  const names = ['accent', 'quiet', 'faint', 'warn', 'bad', 'good', 'line'] as const
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Record<
    Colour | 'line',
    string
  >
}

const queue: (() => void)[] = []

/** Runs `work` in a separate task, after those already queued. Returns a function that cancels it. */
function inTurn(work: () => void): () => void {
  queue.push(work)
  if (queue.length === 1) setTimeout(next)
  return () => {
    const place = queue.indexOf(work)
    if (place >= 0) queue.splice(place, 1)
  }
}

function next() {
  const work = queue.shift()
  if (queue.length > 0) setTimeout(next)
  work?.()
}
