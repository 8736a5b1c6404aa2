// Writes the metrics reference in docs/observability.md from what servers of different settings answered, one after another:
//
//   curl -s http://127.0.0.1:8080/metrics http://127.0.0.1:8081/metrics | bun docs/metrics.ts
//
// test/metrics-table.test.ts starts a server for each setting that brings metrics of its own, and writes their answers into dist/metrics.txt.
import { join } from 'node:path'

const PAGE = join(import.meta.dir, 'observability.md')
const TABLE = /(?<=<!-- metrics: .* -->\n)[\s\S]*?(?=<!-- \/metrics -->)/

/** The table of Waypost's own metrics, by the text of one or several /metrics; a metric of two of them has one row. */
export function metricsTable(exposition: string): string {
  const metrics = new Map(
    [...exposition.matchAll(/^# HELP (waypost_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(([, name, ...said]) => [name!, said]),
  )
  const rows = [...metrics]
    .map(([name, [help, type]]) => [`\`${name}\``, type!, labelsOf(exposition, name), help!.replaceAll('|', '\\|')])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
  const lines = [['Metric', 'Type', 'Labels', 'What it says'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]!.length)))
  const [head, ...body] = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  return `\n${[head, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body].join('\n')}\n\n`
}

/** The table as the page has it. */
export const tableIn = (page: string) => TABLE.exec(page)?.[0]

function labelsOf(exposition: string, name: string): string {
  const [, labels = ''] = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(exposition) ?? []
  return [...labels.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``).join(', ')
}

if (import.meta.main) {
  const page = await Bun.file(PAGE).text()
  const table = metricsTable(await Bun.stdin.text())
  await Bun.write(
    PAGE,
    page.replace(TABLE, () => table),
  )
}
