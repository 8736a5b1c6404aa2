// `bun run survive [--minutes M] [--seed N] [--fault NAME] [--list]`: injects every fault into a fleet, and reports which promises were kept.
// Each fault alone, then at random until the time is up. A run of every fault writes docs/survival.md, a long one docs/survival-long.md, with plots.
import { parseArgs } from 'node:util'
import { runApart } from './apart.ts'
import { FAULTS } from './faults/index.ts'
import { writeReport } from './report.ts'
import { survive } from './suite.ts'

const { values } = parseArgs({
  args: Bun.argv.slice(2),
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    fault: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
  },
})
if (values.list) {
  for (const { name, about } of FAULTS) console.log(`${name.padEnd(22)} ${about}`)
  process.exit(0)
}
const unknown = values.fault?.find((name) => !FAULTS.some((fault) => fault.name === name))
if (unknown) fail(`unknown fault ${unknown}: --list names all`)
const minutes = Number(values.minutes)
if (!(minutes > 0 && minutes <= 24 * 60)) fail('--minutes must be a number up to 1440')
const seed = Number(values.seed)
if (!Number.isSafeInteger(seed) || seed < 0) fail('--seed must be a whole number')

const code = await runApart()
if (code !== undefined) process.exit(code)

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(130))
console.log(`seed ${seed}`)
const wanted = values.fault ? FAULTS.filter(({ name }) => values.fault!.includes(name)) : FAULTS
const run = await survive({ seed, minutes, faults: wanted, say: (sentence) => console.log(sentence) })
for (const { fault, reason } of run.skipped) console.log(`SKIPPED ${fault}: ${reason}`)
if (!values.fault) await writeReport(run)
console.log(
  `\n${run.audit.links} links, ${run.audit.writes} acknowledged writes and ${run.audit.clicks} answered clicks compared with the database: ${run.audit.findings.length} findings\n` +
    `${run.ruled.limited} limits on clicks and ${run.ruled.windows} windows, ${run.ruled.redirects} redirects: ${run.ruled.findings} violations`,
)
if (run.broken.length > 0) {
  console.error(`\nseed ${seed}, FINDINGS:\n${run.broken.join('\n')}`)
  process.exit(1)
}
console.log(`seed ${seed}: every promise was kept`)
process.exit(0)

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
