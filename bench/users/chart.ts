import type { Tally } from './tally.ts'

export type Panel = { title: string; series: ReturnType<Tally['series']>; marks?: { at: number; text: string }[] }

const WIDTH = 900
const HEIGHT = 190
const LEFT = 46
const TOP = 34
const LINES = { p50: '#8a9099', p95: '#1f5fbf', p99: '#b3402e' } as const

/** p50, p95 and p99 of each second, a panel a run, all to one scale; the dashed line is the goal of p95. */
export function chart(title: string, panels: Panel[], goal: number): string {
  const highest = Math.max(...panels.flatMap(({ series }) => series.map((second) => second?.p99 ?? 0)))
  const step = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500].find((each) => highest / each <= 5) ?? 5_000
  const top = Math.max(step * Math.ceil(highest / step), goal + step)
  const height = panels.length * HEIGHT + 10
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${Bun.escapeHTML(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${panels.map((panel, i) => `<g transform="translate(0 ${i * HEIGHT})">\n${draw(panel, top, step, goal)}\n</g>`).join('\n')}
</svg>
`
}

function draw({ title, series, marks = [] }: Panel, top: number, step: number, goal: number): string {
  const bottom = HEIGHT - 26
  const x = (second: number) => round(LEFT + (second / Math.max(series.length - 1, 1)) * (WIDTH - LEFT - 60))
  const y = (ms: number) => round(bottom - (ms / top) * (bottom - TOP))
  const right = WIDTH - 60
  const out = [`<text x="${LEFT}" y="20" font-weight="600">${Bun.escapeHTML(title)}</text>`]
  for (let ms = 0; ms <= top; ms += step)
    out.push(
      `<line x1="${LEFT}" y1="${y(ms)}" x2="${right}" y2="${y(ms)}" stroke="#e3e5e8"/>`,
      `<text x="${LEFT - 6}" y="${y(ms) + 4}" text-anchor="end" fill="#666">${ms}${ms === 0 ? ' ms' : ''}</text>`,
    )
  const every = [1, 2, 5, 10, 30, 60, 120].find((each) => series.length / each <= 12) ?? 300
  for (let second = 0; second < series.length; second += every)
    out.push(
      `<text x="${x(second)}" y="${bottom + 16}" text-anchor="middle" fill="#666">${second}${second === 0 ? ' s' : ''}</text>`,
    )
  out.push(
    `<line x1="${LEFT}" y1="${y(goal)}" x2="${right}" y2="${y(goal)}" stroke="#2f7d4f" stroke-dasharray="4 3"/>`,
    `<text x="${right + 6}" y="${y(goal) + 4}" fill="#2f7d4f">goal ${goal}</text>`,
  )
  for (const { at, text } of marks)
    out.push(
      `<line x1="${x(at)}" y1="${TOP - 6}" x2="${x(at)}" y2="${bottom}" stroke="#666" stroke-dasharray="2 2"/>`,
      `<text x="${x(at) + 3}" y="${TOP - 8}" fill="#666" font-size="10">${Bun.escapeHTML(text)}</text>`,
    )
  for (const [name, colour] of Object.entries(LINES) as [keyof typeof LINES, string][]) {
    const points = series.flatMap((second, i) => (second ? [`${x(i)},${y(second[name])}`] : []))
    out.push(`<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.join(' ')}"/>`)
  }
  const legend = Object.entries(LINES).map(([name, colour]) => `<tspan fill="${colour}" dx="8">${name}</tspan>`)
  out.push(`<text x="${right}" y="20" text-anchor="end">each second:${legend.join('')}</text>`)
  return out.join('\n')
}

const round = (value: number) => Number(value.toFixed(1))
