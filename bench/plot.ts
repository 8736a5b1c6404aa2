import type { Result } from './compare.ts'

const WIDTH = 900
const ROW = 28
const LEFT = 470
const SPAN = 2 // the axis ends at twice the goal

/** The ratios against their goals as an SVG: a bar a ratio, its length in goals, the line at 1 is the goal. */
export function plot(results: Result[]): string {
  const ratios = results.flatMap(({ ratios }) => ratios.filter(({ goal }) => goal !== undefined))
  const unit = (WIDTH - LEFT - 110) / SPAN
  const bars = ratios.map(({ name, value, goal, atMost }, i) => {
    const share = Math.min(value / goal!, SPAN)
    const reached = atMost ? value <= goal! : value >= goal!
    const y = 40 + i * ROW
    return `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${Bun.escapeHTML(name)}</text>
<rect x="${LEFT}" y="${y + 2}" width="${(share * unit).toFixed(1)}" height="16" fill="${reached ? '#2f7d4f' : '#b3402e'}"/>
<text x="${LEFT + share * unit + 6}" y="${y + 14}">${format(value)} (${atMost ? '≤' : '≥'} ${format(goal!)}${reached ? '' : ', missed'})</text>`
  })
  const height = 60 + ratios.length * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>What was measured, against its goal</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${LEFT + unit}" y="26" text-anchor="middle" fill="#666">goal</text>
<line x1="${LEFT + unit}" y1="32" x2="${LEFT + unit}" y2="${height - 16}" stroke="#999" stroke-dasharray="3 3"/>
${bars.join('\n')}
</svg>
`
}

const format = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2))
