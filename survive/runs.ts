// The last runs of every fault, one line each in a CSV file next to the report.
import { FAULTS } from './faults/index.ts'
import { growth, percent } from './footprints.ts'
import type { Run } from './suite.ts'

export type Kept = Record<(typeof COLUMNS)[number], string>

const COLUMNS = [
  'date',
  'seed',
  'minutes',
  'faults',
  'redirects',
  'failed',
  'p99',
  'writes',
  'clicks',
  'recovery',
  'memory',
  'descriptors',
  'findings',
] as const
const KEPT = 12

/** Adds a run to `file`, and returns those that are kept, oldest first. */
export async function keepRun(file: string, run: Run): Promise<Kept[]> {
  const lines = (await Bun.file(file).exists()) ? (await Bun.file(file).text()).trim().split('\n').slice(1) : []
  lines.push(lineOf(run).join())
  const kept = lines.slice(-KEPT)
  await Bun.write(file, `${[COLUMNS.join(), ...kept].join('\n')}\n`)
  return kept.map((line) => {
    const values = line.split(',')
    return Object.fromEntries(COLUMNS.map((name, place) => [name, values[place] ?? ''])) as Kept
  })
}

function lineOf({ began, seed, seconds, results, stages, audit, broken }: Run): (string | number)[] {
  const single = results.filter(({ fault }) => !FAULTS.find(({ name }) => name === fault)?.allAway)
  const recoveries = results.map(({ recovery }) => recovery ?? Number.POSITIVE_INFINITY)
  return [
    began.slice(0, 10),
    seed,
    Math.round(seconds / 60),
    results.length,
    results.reduce((sum, { redirects }) => sum + redirects.answered, 0),
    single.reduce((sum, { redirects }) => sum + redirects.failed, 0),
    Math.round(Math.max(0, ...single.map(({ redirects }) => redirects.p99))),
    audit.writes,
    audit.clicks,
    Math.max(0, ...recoveries).toFixed(1),
    percent(growth(stages, 'memory')),
    percent(growth(stages, 'descriptors')),
    broken.length,
  ]
}
