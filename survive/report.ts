// Writes docs/survival.md and its charts from one run; from a long run, docs/survival-long.md.
import { cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import type { Evidence } from './evidence.ts'
import { FAULTS } from './faults/index.ts'
import { percent } from './footprints.ts'
import { plotFaults, plotFootprints, plotTime } from './plot.ts'
import { type Kept, keepRun } from './runs.ts'
import { LONG, MAY_GROW, type Run } from './suite.ts'
import { LIMITS, type Result } from './trial.ts'

/** All rounds of one fault: sums, and the worst of each limited value. */
export type Row = {
  fault: string
  rounds: number
  allAway: boolean
  answered: number
  failed: number
  p99: number
  /** p99 of requests that nginx answers alone, in the round with that p99. */
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
  return `# Survival: faults and their impact

Written by one command, from one run with seed ${run.seed}:

    bun run survive --seed ${run.seed} --minutes ${run.minutes}

It starts a fleet on one machine (nginx, three replicas of the executable, PostgreSQL with a second server for the failover, Valkey behind one of
the replicas) and sends it ${run.rate} requests per second: mostly redirects, and creates, updates, reads and deletes. The client keeps a ledger of
all responses. Each of ${rows.length} faults is injected once, in an order derived from the seed, then random ones until the time is up. After
each fault, and at the end, the ledger is compared with the database line by line, by SQL that shares no code with the server. Every click has a
unique mark, so that a lost and a doubled one cannot cancel out. \`--fault NAME\` injects one fault, \`--list\` names them all.
${run.ownNetwork ? 'Each replica runs in a separate network namespace, where its connection to the databases is cut.' : 'Proxies in between cut replicas off from the databases: the suite was not root, or iproute2 or nftables was missing.'}

${results.length} faults in ${Math.round(run.seconds)} s, ${run.began.slice(0, 10)}. Machine: ${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores (shared with the load and
the databases), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}. ${run.broken.length === 0 ? '**Every promise was kept.**' : `**${run.broken.length} findings**, below.`}

## Promises

| Promise | Result |
| ------- | ----- |
| Redirects of known links never fail during any single fault | ${total(({ answered }) => answered)} answered; ${single.reduce((sum, { failed }) => sum + failed, 0)} failed while a replica was running |
| Their p99 during a fault is at most ${LIMITS.p99} ms above that of nginx alone at the same time | worst ${Math.round(Math.max(0, ...single.map(({ p99, floor }) => p99 - floor)))} ms |
| No acknowledged write is lost or doubled | ${audit.writes} compared: ${total(({ writes }) => writes.lost)} lost, ${total(({ writes }) => writes.doubled)} doubled |
| Every answered click is stored exactly once | ${audit.clicks} compared: ${total(({ clicks }) => clicks.lost)} lost, ${total(({ clicks }) => clicks.doubled)} doubled; ${total(({ clicks }) => clicks.dropped)} counted as lost (full disk, or deliberate damage) |
| A link with max_clicks never redirects more often; a link with a window redirects only within it, exact to 250 ms | ${run.ruled.limited} limits, ${run.ruled.windows} windows, ${run.ruled.redirects} redirects: ${run.ruled.findings} violations |
| A replica applies a change within a second, or within 5 s of its return if it was cut off; no deleted code redirects again | ${run.broken.filter((what) => / led to | leads to /.test(what)).length} violations |
| Everything is back to normal within ${LIMITS.recovery} s of the fault's end, without intervention | worst ${worstRecovery(rows)} |
| Every fault is visible while it lasts, and not before: in a metric, the log, an alert, the list of the fleet, or the console (${run.looked ? 'open in a browser for the whole run' : 'not checked here: no browser is installed'}) | ${run.broken.filter((what) => /^[^:]+: no \w+ showed it/.test(what)).length} were not |

![p99 of redirects and seconds of recovery, by fault](${name}-faults.svg)

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
    'Recovery, s',
  ],
  rows.map((row) => [
    row.fault,
    row.rounds,
    row.answered,
    row.allAway ? `${row.failed} (no replica running)` : row.failed,
    Math.round(row.p99),
    Math.round(row.floor),
    row.writes.acknowledged,
    row.writes.lost,
    row.writes.doubled,
    row.clicks.answered,
    `${row.clicks.stored}${row.clicks.dropped ? ` (${row.clicks.dropped} counted as lost)` : ''}`,
    row.recovery?.toFixed(1) ?? 'not within 40',
  ]),
)}

Stored may exceed answered: a click may be recorded although a kill or the network prevented its response. Redirects of deleted links get
404, and are not clicks.

## The faults, and how they became visible

${table(
  ['Fault', 'What happens', 'Visible as'],
  FAULTS.map(({ name, about }) => {
    const skipped = run.skipped.find(({ fault }) => fault === name)
    const seen = Object.entries(rows.find(({ fault }) => fault === name)?.evidence ?? {}).map(
      ([kind, line]) => `${kind}: ${line ? `\`${shortened(line).replaceAll('|', '¦').replaceAll('`', "'")}\`` : '**not seen**'}`,
    )
    return [name, about, skipped ? `skipped: ${skipped.reason}` : seen.join('<br>') || 'not checked']
  }),
)}

## Memory and descriptors

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

Failed: while a replica was running. Memory, descriptors: the largest growth of one replica, in runs of ${LONG} minutes or more.
${run.broken.length === 0 ? '' : `\n## Findings\n\n${run.broken.map((what) => `- ${what}`).join('\n')}\n`}`
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
    return `Checked in runs of ${LONG} minutes or more: [survival-long.md](survival-long.md) is the last one.`
  const rows = end.map((now, index) => [
    index + 1,
    ...(['memory', 'descriptors'] as const).flatMap((what) => [
      start[index]![what],
      middle[index]![what],
      `${now[what]} (${percent(now[what] / start[index]![what])}, ${percent(now[what] / middle[index]![what])})`,
    ]),
    now.pid === middle[index]!.pid ? 'yes' : 'no',
  ])
  return `${table(['Replica', 'Memory at the start, MB', 'Halfway', 'At the end', 'Descriptors at the start', 'Halfway', 'At the end', 'Same process since halfway'], rows)}

Neither may grow by more than ${percent(MAY_GROW).slice(1)}, from the start or from halfway to the end. The minutes of the run start when each fault has happened
once. In their second half no fault restarts a replica, so the processes stay the same. Before each measurement, every process has been through each
fault that restarts nothing (JavaScriptCore keeps the blocks of its fullest heap), six times the load has run for a minute, and each replica has got
10,000 reads: caches are then full, and hot code is compiled. Memory is the median of 120 s under normal load, one sample per second, because
garbage collection makes it vary. Descriptors are counted after 45 s without load, with every connection of the pool open.`
}
