// A chart as a table, for screen readers and for exact values.
import { clock } from '../kit/parts/chart.tsx'
import { moment } from '../kit/parts/figures.ts'
import { mean, most } from './measure.ts'
import type { Panel } from './panels.ts'
import type { Column } from './samples.ts'

const ROWS = 24

export function Twin({ panel, time, columns, step }: { panel: Panel; time: number[]; columns: Column[]; step: number }) {
  const size = Math.max(1, Math.ceil(time.length / ROWS))
  // Rows begin at whole multiples of their length, so that their values stay the same as time passes.
  const span = size * step
  const rows: { at: number; values: (number | null)[] }[] = []
  for (let end = time.length; end > 0; ) {
    const at = Math.floor(time[end - 1]! / span) * span
    let begin = end - 1
    while (begin > 0 && time[begin - 1]! >= at) begin--
    rows.push({ at, values: columns.map((column) => (panel.worst ? most : mean)(column.slice(begin, end))) })
    end = begin
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
    <section class="twin" tabIndex={0} aria-label={`${panel.title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {panel.series.map(({ name }) => (
              <th key={name} scope="col" class="end">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody class="figure">
          {rows.map(({ at, values }) => (
            <tr key={at}>
              <th scope="row">
                <time dateTime={new Date(at * 1000).toISOString()} title={moment(new Date(at * 1000).toISOString())}>
                  {clock(at, span)}
                </time>
              </th>
              {values.map((value, place) => (
                <td key={panel.series[place]!.name} class="end">
                  {value === null ? '–' : panel.write(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
