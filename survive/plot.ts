// The run as two pictures: each fault against what must hold, and what visitors met second by second.
import type { Row } from './report.ts'
import type { Run } from './suite.ts'
import { LIMITS } from './trial.ts'

const WIDTH = 900
const ROW = 24
const LEFT = 170
const HALF = (WIDTH - LEFT) / 2
const BAR = HALF - 80
const SPAN = 1.5 // an axis ends at one and a half times its limit

/** A row a fault: the p99 of redirects and the seconds until all was as before, each against its limit. */
export function plotFaults(rows: Row[]): string {
  const height = 60 + rows.length * ROW
  const columns = [
    {
      title: 'p99 of redirects above nginx alone, ms',
      limit: LIMITS.p99,
      of: (row: Row) => (row.allAway ? undefined : Math.max(0, row.p99 - row.floor)),
      digits: 0,
    },
    { title: 'back to normal, s', limit: LIMITS.recovery, of: (row: Row) => row.recovery, digits: 1 },
  ]
  const body = columns.map(({ title, limit, of, digits }, column) => {
    const x = LEFT + column * HALF
    const end = x + BAR / SPAN
    const bars = rows.map((row, i) => {
      const value = of(row)
      if (value === undefined) return `<text x="${x}" y="${64 + i * ROW}" fill="#888">nobody left to answer</text>`
      const length = Math.max(1, Math.min(value / limit, SPAN) * (BAR / SPAN))
      return `<rect x="${x}" y="${52 + i * ROW}" width="${length.toFixed(1)}" height="15" fill="${value <= limit ? '#2f7d4f' : '#b3402e'}"/>
<text x="${(x + length + 5).toFixed(1)}" y="${64 + i * ROW}">${value.toFixed(digits)}</text>`
    })
    return `<text x="${x}" y="24" font-weight="600">${title}</text>
<text x="${end}" y="42" text-anchor="middle" fill="#666">limit ${limit}</text>
<line x1="${end}" y1="46" x2="${end}" y2="${height - 10}" stroke="#999" stroke-dasharray="3 3"/>
${bars.join('\n')}`
  })
  const names = rows.map(({ fault }, i) => `<text x="${LEFT - 10}" y="${64 + i * ROW}" text-anchor="end">${fault}</text>`)
  return frame('Each fault against what must hold', height, [...names, ...body])
}

const HEIGHT = 300
const TOP = 110 // below the names of the faults
const CEILING = 500 // ms at the top
const MOST_NAMES = 60

/** The slowest redirect of each second, those that failed, and which fault there was. */
export function plotTime({ timeline, results, seconds }: Run): string {
  const left = 50
  const bottom = HEIGHT - 30
  const x = (second: number) => left + (second / Math.max(1, seconds)) * (WIDTH - left - 10)
  const y = (ms: number) => bottom - (Math.min(ms, CEILING) / CEILING) * (bottom - TOP)
  const named = results.length <= MOST_NAMES
  const bands = results.map(
    ({ fault, at, lasted }) =>
      `<rect x="${x(at).toFixed(1)}" y="${TOP}" width="${(x(at + lasted) - x(at)).toFixed(1)}" height="${bottom - TOP}" fill="#eee"/>${named ? `<text transform="translate(${(x(at + lasted / 2) + 3).toFixed(1)},${TOP - 6}) rotate(-60)" font-size="9">${fault}</text>` : ''}`,
  )
  const points = timeline.map(({ at, worst }) => `${x(at + 0.5).toFixed(1)},${y(worst).toFixed(1)}`)
  const failed = timeline
    .filter(({ failed }) => failed > 0)
    .map(
      ({ at, failed, redirects }) =>
        `<rect x="${x(at).toFixed(1)}" y="${bottom}" width="${(x(1) - x(0)).toFixed(1)}" height="${Math.max(2, (failed / redirects) * 18).toFixed(1)}" fill="#b3402e"/>`,
    )
  const axis = [0, 250, 500].map(
    (ms) => `<text x="${left - 6}" y="${y(ms) + 4}" text-anchor="end">${ms}</text>
<line x1="${left}" y1="${y(ms)}" x2="${WIDTH - 10}" y2="${y(ms)}" stroke="#ccc"/>`,
  )
  return frame('What visitors met, second by second', HEIGHT, [
    ...bands,
    ...axis,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#2457a6"/>`,
    ...failed,
    `<text x="10" y="20" font-weight="600">slowest redirect of each second, ms; red: failed, in share of the second's</text>`,
  ])
}

const COLOURS = ['#2457a6', '#2f7d4f', '#b3402e']
const STRIP = 140

/** Memory and descriptors of each replica throughout the run; a gap is where it did not live. */
export function plotFootprints({ samples, seconds }: Run): string {
  const left = 50
  const x = (second: number) => left + (second / Math.max(1, seconds)) * (WIDTH - left - 10)
  const strips = (['memory', 'descriptors'] as const).map((what, strip) => {
    const top = 40 + strip * (STRIP + 40)
    const most = 1.1 * Math.max(1, ...samples.flatMap(({ replicas }) => replicas.map((one) => one?.[what] ?? 0)))
    const y = (value: number) => top + STRIP * (1 - value / most)
    const lines = COLOURS.map((colour, replica) => {
      const path = samples.map(({ at, replicas }, i) => {
        const value = replicas[replica]?.[what]
        const goesOn = samples[i - 1]?.replicas[replica] !== undefined
        return value === undefined ? '' : `${goesOn ? 'L' : 'M'}${x(at).toFixed(1)},${y(value).toFixed(1)}`
      })
      return `<path d="${path.join('')}" fill="none" stroke="${colour}"/>`
    })
    const axis = [0, 0.5, 1].map(
      (part) => `<text x="${left - 6}" y="${y(part * most) + 4}" text-anchor="end">${Math.round(part * most)}</text>
<line x1="${left}" y1="${y(part * most)}" x2="${WIDTH - 10}" y2="${y(part * most)}" stroke="#ccc"/>`,
    )
    const title = what === 'memory' ? 'resident memory of each replica, MB' : 'open descriptors of each replica'
    return [`<text x="10" y="${top - 14}" font-weight="600">${title}</text>`, ...axis, ...lines].join('\n')
  })
  return frame('What the replicas took', 40 + 2 * (STRIP + 40), strips)
}

const frame = (title: string, height: number, body: string[]) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${title}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${body.join('\n')}
</svg>
`
