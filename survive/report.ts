// docs/survival.md and its pictures, from one run; of a long one docs/survival-long.md.
import { cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import type { Evidence } from './evidence.ts'
import { FAULTS } from './faults/index.ts'
import { percent } from './footprints.ts'
import { plotFaults, plotFootprints, plotTime } from './plot.ts'
import { type Kept, keepRun } from './runs.ts'
import { LONG, MAY_GROW, type Run } from './suite.ts'
import { LIMITS, type Result } from './trial.ts'

/** All rounds of one fault: sums, and the worst of what has a limit. */
export type Row = {
  fault: string
  rounds: number
  allAway: boolean
  answered: number
  failed: number
  p99: number
  /** The same of what nginx answers alone, in the round with that p99. */
  floor: number
  writes: Result['writes']
  clicks: Result['clicks']
  recovery: number | undefined
  evidence: Evidence
  broken: string[]
}

const docs = resolve(import.meta.dir, '../docs')

export async function writeReport(run: Run) {
  const rows = FAULTS.map(({ name }) => rowOf(run.results.filter(({ fault }) => fault === name))).filter(
    (row) => row !== undefined,
  )
  const kept = await keepRun(join(docs, 'survival-runs.csv'), run)
  const name = run.minutes < LONG ? 'survival' : 'survival-long'
  await Bun.write(join(docs, `${name}.md`), page(run, rows, kept, name))
  await Bun.write(join(docs, `${name}-faults.svg`), plotFaults(rows))
  await Bun.write(join(docs, `${name}-time.svg`), plotTime(run))
  await Bun.write(join(docs, `${name}-footprints.svg`), plotFootprints(run))
}

function rowOf(results: Result[]): Row | undefined {
  const [first] = results
  if (!first) return undefined
  const sum = (of: (result: Result) => number) => results.reduce((total, result) => total + of(result), 0)
  const slowest = results.map(({ redirects }) => redirects).reduce((a, b) => (b.p99 - b.floor > a.p99 - a.floor ? b : a))
  const recoveries = results.map(({ recovery }) => recovery)
  return {
    fault: first.fault,
    rounds: results.length,
    allAway: FAULTS.find(({ name }) => name === first.fault)!.allAway ?? false,
    answered: sum(({ redirects }) => redirects.answered),
    failed: sum(({ redirects }) => redirects.failed),
    p99: slowest.p99,
    floor: slowest.floor,
    writes: {
      acknowledged: sum(({ writes }) => writes.acknowledged),
      lost: sum(({ writes }) => writes.lost),
      doubled: sum(({ writes }) => writes.doubled),
    },
    clicks: {
      answered: sum(({ clicks }) => clicks.answered),
      stored: sum(({ clicks }) => clicks.stored),
      lost: sum(({ clicks }) => clicks.lost),
      doubled: sum(({ clicks }) => clicks.doubled),
      dropped: sum(({ clicks }) => clicks.dropped),
    },
    recovery: recoveries.includes(undefined) ? undefined : Math.max(...recoveries.map((seconds) => seconds!)),
    evidence: Object.assign({}, ...results.map(({ evidence }) => evidence)),
    broken: [...new Set(results.flatMap(({ broken }) => broken))],
  }
}

function page(run: Run, rows: Row[], kept: Kept[], name: string): string {
  const { audit, results } = run
  const total = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0)
  const single = rows.filter(({ allAway }) => !allAway)
  return `# Survival: what was broken, and what it cost

Made by one command, from one run with seed ${run.seed}:

    bun run survive --seed ${run.seed} --minutes ${run.minutes}

It starts a fleet on one machine (nginx, three replicas of the executable, PostgreSQL with a second server for the failover, Valkey behind one of
the replicas) and sends it ${run.rate} requests a second: redirects above all, and creates, updates, reads and deletes. The client keeps a ledger of
what it was answered. Each of ${rows.length} faults is made alone, in an order made from the seed, then others at random until the time is up. After
each, and at the end, the ledger is compared with the database line by line, by SQL that shares no code with the server; every click carries a
mark of its own, so that one lost and one doubled cannot cancel out. \`--fault NAME\` makes one fault, \`--list\` names them all.
${run.ownNetwork ? 'Each replica runs in a network namespace of its own, and it is its way to the databases there that is cut.' : 'Replicas are cut off from the databases by proxies in between: the suite was not root, or found no iproute2 and nftables.'}

${results.length} faults in ${Math.round(run.seconds)} s, ${run.began.slice(0, 10)}. Machine: ${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores (shared with the load and
the databases), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}. ${run.broken.length === 0 ? '**All that must hold held.**' : `**${run.broken.length} findings**, below.`}

## What must hold

| Promise | Found |
| ------- | ----- |
| Redirects of known links through any single fault: none fails | ${total(({ answered }) => answered)} answered; ${single.reduce((sum, { failed }) => sum + failed, 0)} failed while a replica was left to answer |
| Their p99 during a fault: at most ${LIMITS.p99} ms above what nginx alone takes at the same time | worst ${Math.round(Math.max(0, ...single.map(({ p99, floor }) => p99 - floor)))} ms |
| Acknowledged writes: none lost, none doubled | ${audit.writes} compared: ${total(({ writes }) => writes.lost)} lost, ${total(({ writes }) => writes.doubled)} doubled |
| Clicks: each answered one is stored, none twice | ${audit.clicks} compared: ${total(({ clicks }) => clicks.lost)} lost, ${total(({ clicks }) => clicks.doubled)} doubled; ${total(({ clicks }) => clicks.dropped)} lost as announced (a full disk counts them, damage on purpose) |
| A replica obeys a change within a second, one that was cut off within 5 s of its return; no deleted code leads anywhere again | ${run.broken.filter((what) => / led to | leads to /.test(what)).length} found otherwise |
| Back to normal without a hand, within ${LIMITS.recovery} s of the fault's end | worst ${worstRecovery(rows)} |
| Every fault shows, while it lasts and not before: in a metric, a line of the log, an alert, the list of the fleet, or ${run.looked ? 'on the console, a page of which is open in a browser for the whole run' : 'on the console, which nobody looked at here: no browser is installed'} | ${run.broken.filter((what) => /^[^:]+: no \w+ showed it/.test(what)).length} did not |

![p99 of redirects and seconds until all was as before, by fault](${name}-faults.svg)

![the slowest redirect of each second](${name}-time.svg)

## Fault by fault

${table(
  [
    'Fault',
    'Rounds',
    'Redirects',
    'Failed',
    'p99, ms',
    'nginx alone, ms',
    'Writes',
    'Lost',
    'Doubled',
    'Clicks answered',
    'Stored',
    'Normal after, s',
  ],
  rows.map((row) => [
    row.fault,
    row.rounds,
    row.answered,
    row.allAway ? `${row.failed} (no replica left)` : row.failed,
    Math.round(row.p99),
    Math.round(row.floor),
    row.writes.acknowledged,
    row.writes.lost,
    row.writes.doubled,
    row.clicks.answered,
    `${row.clicks.stored}${row.clicks.dropped ? ` (${row.clicks.dropped} dropped, as announced)` : ''}`,
    row.recovery?.toFixed(1) ?? 'not within 40',
  ]),
)}

Stored may exceed answered: by a click that was kept and whose answer the kill, or the network, swallowed. Redirects of deleted links are answered
404, and are no clicks.

## What each fault is, and how it showed

${table(
  ['Fault', 'What happens', 'It showed as'],
  FAULTS.map(({ name, about }) => {
    const skipped = run.skipped.find(({ fault }) => fault === name)
    const seen = Object.entries(rows.find(({ fault }) => fault === name)?.evidence ?? {}).map(
      ([kind, line]) => `${kind}: ${line ? `\`${shortened(line).replaceAll('|', '¦').replaceAll('`', "'")}\`` : '**not seen**'}`,
    )
    return [name, about, skipped ? `not made here: ${skipped.reason}` : seen.join('<br>') || 'nothing was asked for']
  }),
)}

## What the replicas took

${footprints(run)}

![memory and descriptors of each replica throughout the run](${name}-footprints.svg)

## The last runs

${table(
  [
    'Date',
    'Seed',
    'Minutes',
    'Faults',
    'Redirects',
    'Failed',
    'Worst p99, ms',
    'Writes',
    'Clicks',
    'Worst recovery, s',
    'Memory',
    'Descriptors',
    'Findings',
  ],
  kept.map((one) => Object.values(one)),
)}

Failed: while a replica was left to answer. Memory, descriptors: the most that one replica's grew, in runs of ${LONG} minutes or more.
${run.broken.length === 0 ? '' : `\n## What did not hold\n\n${run.broken.map((what) => `- ${what}`).join('\n')}\n`}`
}

const SHOWN = 120
const shortened = (line: string) => (line.length > SHOWN ? `${line.slice(0, SHOWN).trimEnd()}…` : line)

const worstRecovery = (rows: Row[]) =>
  rows.some(({ recovery }) => recovery === undefined)
    ? 'more than 40 s'
    : `${Math.max(0, ...rows.map(({ recovery }) => recovery!)).toFixed(1)} s`

const table = (head: string[], rows: (string | number)[][]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function footprints({ stages }: Run): string {
  const [start, middle, end] = stages
  if (!start || !middle || !end)
    return `Judged in runs of ${LONG} minutes or more: [survival-long.md](survival-long.md) is the last of them.`
  const rows = end.map((now, index) => [
    index + 1,
    ...(['memory', 'descriptors'] as const).flatMap((what) => [
      start[index]![what],
      middle[index]![what],
      `${now[what]} (${percent(now[what] / start[index]![what])}, ${percent(now[what] / middle[index]![what])})`,
    ]),
    now.pid === middle[index]!.pid ? 'yes' : 'no',
  ])
  return `${table(['Replica', 'Memory at the start, MB', 'Half way', 'At the end', 'Descriptors at the start', 'Half way', 'At the end', 'Same process since half way'], rows)}

Neither may grow by more than ${percent(MAY_GROW).slice(1)}, from the start and from half way to the end. The start is when each fault was there once: then the
minutes of the run begin. In their second half no fault restarts a replica, so that the same processes live through all of it. Before each look every
process lived through each fault that restarts none (JavaScriptCore keeps the blocks that its heap had at its fullest), six times the load went on for a
minute, and each replica was read 10,000 times, so that what is kept by design is full and what is compiled where it is used often is compiled; then memory is
the median of 120 s under the plain load, a sample a second, as garbage collection makes it a saw; descriptors are counted after 45 s of rest, with
every connection of the pool open.`
}
