import type { Result } from './compare.ts'
import { quietText } from './quiet.ts'

/** The results as Markdown. */
export function report(results: (Result & { at?: string })[]): string {
  return results.map(one).join('\n')
}

function one({ scenario, about, rows, ratios, checks, notes = [], quiet, at }: Result & { at?: string }): string {
  const columns = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))]
  const table = [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---:').join('|')}|`,
    ...rows.map(({ name, figures }) => `| ${name} | ${columns.map((column) => format(figures[column])).join(' | ')} |`),
  ]
  const goals = ratios.map(({ name, value, goal, atMost }) => {
    const verdict =
      goal === undefined
        ? ''
        : ` (goal ${atMost ? '<=' : '>='} ${goal}: ${(atMost ? value <= goal : value >= goal) ? 'reached' : 'MISSED'})`
    return `- ${name}: **${value.toFixed(2)}**${verdict}`
  })
  const held = checks.map(({ name, held, found }) => `- ${name}: ${held ? 'yes' : 'NO'} (${found})`)
  return [
    `## ${scenario}`,
    '',
    about + (at ? ` Run ${at.slice(0, 16).replace('T', ' ')} UTC.` : ''),
    '',
    ...table,
    '',
    ...goals,
    ...held,
    ...notes.map((note) => `- ${note}`),
    ...(quiet ? [`- ${quietText(quiet)}`] : []),
    '',
  ].join('\n')
}

const format = (value: number | string | undefined) => (typeof value === 'number' ? value.toLocaleString('en') : (value ?? ''))
