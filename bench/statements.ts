// `bun bench/statements.ts [links] [clicks]`: fills a PostgreSQL, calls each route, and prints for each statement what its plan read, what it returned and
// how long it took. Marked are those that read more than 50 times what they return: docs/statements.md fixes or explains each.
// `--database URL --log FILE` uses a filled database instead, and the log of its server. The calls change it.
import { readFileSync, statSync } from 'node:fs'
import postgres from 'postgres'
import { type Plan, readBy, rowsRead, scansOf } from '../test/plan.ts'
import { freePort, openCluster } from '../test/postgres.ts'
import { until } from '../test/until.ts'
import { temporaryFolder } from './servers.ts'
import { CALLS, type Call } from './statements/calls.ts'
import { fill } from './statements/fill.ts'

type Statement = { text: string; ms: number; plan: Plan }
type Row = { call: string; text: string; ms: number; read: number; returned: number; scans: string }

const WASTED = 50
/** Fewer rows are not worth a look. */
const SOME = 200
/** Each call is made so often: the last one counts, which finds plans and milestones. */
const RUNS = 2

const [links = 1_000_000, clicks = 10_000_000] = process.argv
  .slice(2)
  .filter((text) => /^\d+$/.test(text))
  .map(Number)
const option = (name: string) => process.argv[process.argv.indexOf(name) + 1 || Number.NaN]
const given = option('--database')
const cluster = given ? undefined : await openCluster({ own: true })
const url = given ?? (await cluster!.createDatabase())
const log = option('--log') ?? `${cluster!.control!.folder}/log`
const explain: Record<string, string> = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_format': 'json',
}
const sql = postgres(url, { max: 1, onnotice: () => {} })
const name = new URL(url).pathname.slice(1)
const set = (text: (setting: string) => string) =>
  Promise.all(Object.keys(explain).map((setting) => sql.unsafe(`alter database "${name}" ${text(setting)}`)))

if (!given) {
  const { exitCode } = Bun.spawnSync(['bun', '--no-env-file', 'src/main.ts', 'migrate'], { env: settings(0), stderr: 'inherit' })
  if (exitCode !== 0) throw new Error('the database could not be migrated')
  await fill(url, links, clicks)
}
await set((setting) => `set ${setting} = '${explain[setting]}'`)
const port = await freePort()
const server = Bun.spawn(['bun', '--no-env-file', 'src/main.ts', 'serve'], {
  env: settings(port),
  stdout: 'ignore',
  stderr: 'inherit',
})
const base = `http://127.0.0.1:${port}`
try {
  await until('the server is ready', async () => (await fetch(`${base}/ready`)).ok)
  await report(await collect())
} finally {
  server.kill()
  await server.exited
  await set((setting) => `reset ${setting}`)
  await sql.end()
  await cluster?.end()
}

function settings(port: number): Record<string, string> {
  const off = { AUTH: 'off', LOG_LEVEL: 'warn', DRAIN_WAIT: '0', RATE_READ: 'off', RATE_CREATE: 'off', RATE_UNKNOWN: 'off' }
  return {
    PATH: process.env.PATH!,
    DATABASE_URL: url,
    DATA_DIR: temporaryFolder(),
    PORT: String(port),
    SECOND_TIER: 'none',
    ...off,
  }
}

/** Makes the calls one after another. What the server sends by itself has no call of its own. */
async function collect(): Promise<Row[]> {
  let from = statSync(log).size
  const statements = () => {
    const text = readFileSync(log).subarray(from).toString()
    from = statSync(log).size
    return statementsIn(text)
  }
  await Bun.sleep(5_000)
  const own = new Set<string>()
  const rows: Row[] = statements().map((statement) => rowOf('(the server itself)', statement))
  for (const { text } of rows) own.add(text)
  const made: Record<string, number> = {}
  for (const call of CALLS) {
    for (let run = 0; run < (call[1] === 'GET' ? RUNS : 1); run++) {
      await make(call, made)
      await Bun.sleep(100)
      const seen = statements().filter(({ text }) => !own.has(text))
      if (run === RUNS - 1 || call[1] !== 'GET')
        rows.push(...seen.map((statement) => rowOf(background(statement) ?? call[0], statement)))
    }
  }
  return rows
}

/** What continues after the call that began it. */
function background({ text }: Statement): string | undefined {
  if (/row_number\(\) over \(order by id\) as place/.test(text)) return '(milestones)'
  return text.startsWith('-- Folds') || text.startsWith('-- Counts clicks') ? '(folding, rolling up)' : undefined
}

async function make([name, method, path, body]: Call, made: Record<string, number>) {
  const address = base + path.replace(/\{(\w+)\}/, (_, what) => String(made[what]))
  const form = typeof body === 'string' ? new FormData() : undefined
  form?.append('file', new Blob([body as string]), 'urls.csv')
  const answer = await fetch(address, {
    method,
    redirect: 'manual',
    headers: body && !form ? { 'content-type': 'application/json' } : {},
    body: form ?? (body ? JSON.stringify(body) : undefined),
  })
  const text = await answer.text()
  if (answer.status >= 400 && path !== '/no-such-code') console.error(`${name}: ${answer.status} ${text}`)
  const what = { '/urls': 'link', '/events': 'event', '/users': 'user' }[path]
  if (method === 'POST' && what) made[what] = JSON.parse(text).id
}

function statementsIn(text: string): Statement[] {
  return [...text.matchAll(/LOG: {2}duration: ([\d.]+) ms {2}plan:\n((?:\t.*(?:\n|$))+)/g)].map(([, ms, json]) => {
    const { 'Query Text': query, Plan: plan } = JSON.parse(json!.replace(/^\t/gm, ''))
    return { text: query.replace(/\s+/g, ' ').trim(), ms: Number(ms), plan }
  })
}

function rowOf(call: string, { text, ms, plan }: Statement): Row {
  const scans = scansOf(plan)
    .filter((scan) => readBy(scan) > 0)
    .map((scan) => `${scan['Node Type']} ${scan['Index Name'] ?? scan['Relation Name']} ${readBy(scan)}`)
  return { call, text, ms, read: rowsRead(plan), returned: returnedBy(plan), scans: scans.join(', ') }
}

/** Rows for the client, or written. */
function returnedBy(plan: Plan): number {
  const written = (node: Plan): number =>
    (node['Node Type'] === 'ModifyTable' ? sum(node.Plans) : 0) + (node.Plans ?? []).reduce((all, one) => all + written(one), 0)
  const sum = (plans: Plan[] = []) => plans.reduce((all, one) => all + one['Actual Rows'] * one['Actual Loops'], 0)
  return Math.max(plan['Actual Rows'] * plan['Actual Loops'], written(plan))
}

async function report(rows: Row[]) {
  const kept = new Map<string, Row>() // the worst of each call and statement
  for (const row of rows) {
    const name = `${row.call} ${row.text}`
    const known = kept.get(name)
    if (!known || known.read < row.read) kept.set(name, row)
  }
  const isWasteful = ({ read, returned }: Row) => read > SOME && read > WASTED * returned
  console.log('| call | ms | read | returned | | scans | statement |\n| --- | ---: | ---: | ---: | --- | --- | --- |')
  for (const row of kept.values()) {
    const { call, ms, read, returned, scans, text } = row
    const cells = [call, ms.toFixed(1), read, returned, isWasteful(row) ? '!' : '', scans.slice(0, 160), text.slice(0, 120)]
    console.log(`| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`)
  }
  const wasteful = [...kept.values()].filter(isWasteful)
  console.log(
    `\n${kept.size} statements of ${CALLS.length} calls; ${wasteful.length} read more than ${WASTED} times what they return`,
  )
  const uncalled = await routesNotCalled()
  if (uncalled.length > 0) console.log(`Without a call: ${uncalled.join(', ')}`)
}

async function routesNotCalled(): Promise<string[]> {
  const { paths } = (await (await fetch(`${base}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> }
  return Object.entries(paths).flatMap(([path, operations]) => {
    const pattern = new RegExp(`^${path.replace(/[.+]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}$`)
    return Object.keys(operations).flatMap((method) =>
      CALLS.some(([, made, address]) => made.toLowerCase() === method && pattern.test(address.split('?')[0]!))
        ? []
        : [`${method.toUpperCase()} ${path}`],
    )
  })
}
