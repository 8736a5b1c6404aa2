// `bun run bench [scenario …]`: runs the scenarios, prints their tables, and writes bench/results.json and the pages generated from it: bench/RESULTS.md,
// docs/load-tests.md and docs/capacity.md. `bun run bench load --url …` loads your own service instead (users/own.ts).
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Result } from './compare.ts'
import { capacityPage } from './pages/capacity.ts'
import { LOAD_TESTS, loadTestsPage } from './pages/load-tests.ts'
import { plot } from './plot.ts'
import { report } from './report.ts'
import { away } from './scenarios/away.ts'
import { bulk } from './scenarios/bulk.ts'
import { capacity } from './scenarios/capacity.ts'
import { create } from './scenarios/create.ts'
import { disk } from './scenarios/disk.ts'
import { drain } from './scenarios/drain.ts'
import { flood } from './scenarios/flood.ts'
import { kill } from './scenarios/kill.ts'
import { list } from './scenarios/list.ts'
import { load } from './scenarios/load.ts'
import { million } from './scenarios/million.ts'
import { redirect } from './scenarios/redirect.ts'
import { roll } from './scenarios/roll.ts'
import { rules } from './scenarios/rules.ts'
import { tiers } from './scenarios/tiers.ts'
import { loadOwn, Unfit } from './users/own.ts'

const scenarios: Record<string, () => Promise<Result>> = {
  ...{ redirect, rules, tiers, flood, create, list, million, bulk, drain, disk, away, capacity },
  ...{ load, kill, roll },
}

const asked = process.argv.slice(2)
if (asked[0] === 'load' && asked[1]?.startsWith('-'))
  await loadOwn(asked.slice(1)).then(
    (held) => process.exit(held ? 0 : 1),
    (error) => {
      if (!(error instanceof Unfit)) throw error
      console.error(error.message)
      process.exit(2)
    },
  )
const unknown = asked.find((name) => !scenarios[name])
if (unknown) {
  console.error(`unknown scenario ${unknown}; known: ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}

const file = join(import.meta.dir, 'results.json')
const before = (await Bun.file(file)
  .json()
  .catch(() => ({ results: {} }))) as { results: Record<string, Result & { at: string }> }
const results = { ...before.results }
for (const name of asked.length > 0 ? asked : Object.keys(scenarios)) {
  console.log(`\n${name} …`)
  results[name] = { ...(await scenarios[name]!()), at: new Date().toISOString() }
  console.log(report([results[name]!]))
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  bun: Bun.version,
}
await Bun.write(file, `${JSON.stringify({ machine, results }, null, 2)}\n`)
const own = Object.values(results).filter(({ scenario }) => !LOAD_TESTS.includes(scenario))
await Bun.write(join(import.meta.dir, 'RESULTS.md'), header() + report(own))
await Bun.write(join(import.meta.dir, 'results.svg'), plot(own))
const docs = join(import.meta.dir, '../docs')
await Bun.write(join(docs, 'load-tests.md'), loadTestsPage(machine, results))
if (results.capacity) await Bun.write(join(docs, 'capacity.md'), capacityPage(machine, results))

const broken = Object.values(results).flatMap(({ scenario, checks }) =>
  checks.filter(({ held }) => !held).map(({ name, found }) => `${scenario}: ${name}: ${found}`),
)
if (broken.length > 0) {
  console.error(`\nFAILED CHECKS:\n${broken.join('\n')}`)
  process.exitCode = 1
}

function header() {
  return `# Results

Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, Linux ${machine.kernel}, Bun ${machine.bun}. The client runs on the
same machine, on core 1, the server on core 0, and PostgreSQL on any core. Rates are the median of three rounds that alternate with their
floor. Machines are noisy, so only ratios within a run are meaningful. wrk finds the ceiling if it is installed (autocannon is saturated before the
server is).

![ratios and their goals](results.svg)

`
}
