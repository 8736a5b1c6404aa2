import { useMemo } from 'preact/hooks'
import { Chart, clock } from '../kit/parts/chart.tsx'
import { Grid, Line } from '../kit/parts/icons.tsx'
import { State } from '../kit/parts/state.tsx'
import type { Now } from '../kit/server/live.ts'
import { current, most, trendOf } from './measure.ts'
import type { Panel } from './panels.ts'
import type { Column, Samples } from './samples.ts'
import { Twin } from './twin.tsx'

const NO_TIME: number[] = []

type Props = {
  panel: Panel
  samples: Samples | undefined
  nows: Now[]
  step: number
  from: number
  to: number
  /** "15 min" */
  span: string
  hovered: number | null
  hover: (place: number | null) => void
  zoom: (from: number, to: number) => void
  unzoom: () => void
  table: boolean
  turn: () => void
}

/** A title, one big figure with its unit and trend, and the chart or table. */
export function PanelView({ panel, samples, nows, step, from, to, span, hovered, hover, zoom, unzoom, table, turn }: Props) {
  // Once a second, not at each move of the cursor.
  const { value, trend, columns, highest } = useMemo(() => measured(panel, samples), [samples])
  const verdict = samples && panel.verdict?.(samples, nows)
  const time = samples?.time ?? NO_TIME
  const write = panel.writeFigure ?? panel.write
  const [number, unit] = value === null ? ['–', ''] : split(write(value), panel.unit)
  const at = hovered !== null && hovered < time.length ? hovered : time.length - 1
  return (
    <section class="panel" aria-label={panel.title}>
      <header>
        <h2>{panel.title}</h2>
        <span class="at figure">{hovered !== null && time[at] !== undefined ? clock(time[at]!) : ''}</span>
        <button
          type="button"
          class="quiet-button"
          aria-label={table ? `Show ${panel.title} as a chart` : `Show ${panel.title} as a table`}
          title={table ? 'Show as a chart' : 'Show as a table'}
          aria-pressed={table}
          onClick={turn}
        >
          {table ? <Line /> : <Grid />}
        </button>
      </header>
      <div class="now figure">
        <span class="big">{number}</span>
        <span class="unit">{unit}</span>
        {trend && (
          <span class="trend" title={`The last sixth of ${span}, compared with the time before`}>
            <span aria-hidden="true">{trend.sign}</span> {trend.word}
            <span class="unseen">{trend.sign === '↑' ? ' more' : trend.sign === '↓' ? ' less' : ''}</span>
          </span>
        )}
        {verdict && <State tone={verdict.tone}>{verdict.word}</State>}
      </div>
      {table && samples ? (
        <Twin panel={panel} time={time} columns={columns} step={step} />
      ) : (
        <>
          <Chart
            label={`${panel.title}, last ${span}: now ${`${number} ${unit}`.trim()}; maximum ${highest}.`}
            data={[time, ...columns]}
            series={panel.series}
            write={panel.write}
            from={from}
            to={to}
            step={step}
            atLeast={panel.atLeast}
            limit={panel.limit?.(nows)}
            at={Math.max(0, at)}
            say={(place) => sayOf(panel, time[place], columns, place)}
            group="overview"
            hover={hover}
            zoom={zoom}
            unzoom={unzoom}
          />
          <p class="legend figure">
            {panel.series.map(({ name, colour, dash }, place) => (
              <span key={name}>
                <svg class={`stroke ${colour}`} viewBox="0 0 14 4" aria-hidden="true">
                  <path d="M0 2h14" stroke-dasharray={dash?.join(' ')} />
                </svg>
                {name} <b>{written(panel, columns[place]?.[at])}</b>
              </span>
            ))}
          </p>
        </>
      )}
    </section>
  )
}

const written = (panel: Panel, value: number | null | undefined) =>
  value === null || value === undefined ? '–' : panel.write(value)

/** Splits "12 ms" into figure and unit, which is shown smaller. */
function split(text: string, unit: string): [string, string] {
  const [number, own] = text.split(/\s(?=\D+$)/)
  return [number!, own && unit ? `${own} ${unit}` : (own ?? unit)]
}

function sayOf(panel: Panel, time: number | undefined, columns: Column[], place: number): string {
  if (time === undefined) return 'no data yet'
  return `${clock(time)}: ${panel.series.map(({ name }, series) => `${name} ${written(panel, columns[series]?.[place])}`).join(', ')}`
}

function measured(panel: Panel, samples: Samples | undefined) {
  const figures = samples ? panel.figure(samples) : []
  const columns = samples ? panel.columns(samples) : panel.series.map((): Column => [])
  const highest = panel.series.map(({ name }, place) => `${name} ${written(panel, most(columns[place] ?? []))}`).join(', ')
  return { value: current(figures), trend: trendOf(figures, samples?.reporting), columns, highest }
}
