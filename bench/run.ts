// `bun run bench [scenario …]`: runs the scenarios, prints their tables, and writes bench/results.json and the pages generated from it: bench/RESULTS.md,
// docs/load-tests.md and docs/capacity.md. `--short` tries scenarios out with short windows, and writes nothing. `bun run bench load --url …` loads your
// own service instead (users/own.ts).
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Result } from './compare.ts'
import { SHORT } from './load.ts'
import { capacityPage } from './pages/capacity.ts'
import { LOAD_TESTS, loadTestsPage } from './pages/load-tests.ts'
import { plot } from './plot.ts'
import { beginWindows, quietness } from './quiet.ts'
import { report } from './report.ts'
import { away } from './scenarios/away.ts'
import { bulk } from './scenarios/bulk.ts'
import { capacity } from './scenarios/capacity.ts'
import { create } from './scenarios/create.ts'
import { deep } from './scenarios/deep.ts'
import { disk } from './scenarios/disk.ts'
import { drain } from './scenarios/drain.ts'
import { flood } from './scenarios/flood.ts'
import { idle } from './scenarios/idle.ts'
import { kill } from './scenarios/kill.ts'
import { list } from './scenarios/list.ts'
import { load } from './scenarios/load.ts'
import { million } from './scenarios/million.ts'
import { redirect } from './scenarios/redirect.ts'
import { roll } from './scenarios/roll.ts'
import { rules } from './scenarios/rules.ts'
import { search } from './scenarios/search.ts'
import { start } from './scenarios/start.ts'
import { tail } from './scenarios/tail.ts'
import { tiers } from './scenarios/tiers.ts'
import { unknown } from './scenarios/unknown.ts'
import { loadOwn, Unfit } from './users/own.ts'

const scenarios: Record<string, () => Promise<Result>> = {
  ...{
    redirect,
    rules,
    tail,
    tiers,
    unknown,
    flood,
    create,
    list,
    million,
    deep,
    search,
    bulk,
    drain,
    start,
    idle,
    disk,
    away,
    capacity,
  },
  ...{ load, kill, roll },
}

const asked = process.argv.slice(2).filter((argument) => argument !== '--short')
if (asked[0] === 'load' && asked[1]?.startsWith('-'))
  await loadOwn(asked.slice(1)).then(
    (held) => process.exit(held ? 0 : 1),
    (error) => {
      if (!(error instanceof Unfit)) throw error
      console.error(error.message)
      process.exit(2)
    },
  )
const stranger = asked.find((name) => !scenarios[name])
if (stranger) {
  console.error(`unknown scenario ${stranger}; known: ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}

const file = join(import.meta.dir, 'results.json')
const before = (await Bun.file(file)
  .json()
  .catch(() => ({ results: {} }))) as { results: Record<string, Result & { at: string }> }
const results = { ...before.results }
for (const name of asked.length > 0 ? asked : Object.keys(scenarios)) {
  console.log(`\n${name} …`)
  beginWindows()
  results[name] = { ...(await scenarios[name]!()), quiet: quietness(), at: new Date().toISOString() }
  console.log(report([results[name]!]))
}
if (SHORT) process.exit(0)

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
