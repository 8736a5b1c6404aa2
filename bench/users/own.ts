// `bun run bench load --url URL --users N --seconds S [--token T]`: the same users, let loose on a service of one's own.
import { parseArgs } from 'node:util'
import { type Result, round } from '../compare.ts'
import { report } from '../report.ts'
import { chart } from './chart.ts'
import { faultless, MIX, P95_GOAL, processorsOf, rowsOf } from './result.ts'
import { openWorkload, Refusal, startUsers } from './users.ts'
import { TITLE, type Workload } from './workload.ts'

const MOST = { users: 2_000, seconds: 600 }
const FILES = { report: 'load-report.md', chart: 'load-report.svg' }

/** What is wrong with the command, or with what it found at the URL. */
export class Unfit extends Error {}

/** Runs the command; writes load-report.md and .svg here. Returns whether all requests got the answer they should. */
export async function loadOwn(args: string[]): Promise<boolean> {
  const { url, users, seconds, token } = readArguments(args)
  await greet(url)
  const workload = await openWorkload(url, token).catch((error) => {
    throw new Unfit(explain(error, token))
  })
  console.log(`${users} users at ${url.origin} for ${seconds} s …`)
  const work = startUsers(url, workload, users)
  await Bun.sleep(seconds * 1000)
  const run = await work.stop()
  const faults = run.tally.faults()
  const result: Result = {
    scenario: `load of ${url.origin}`,
    about: `${users} users, ${round(run.seconds, 0)} s, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC. ${MIX}`,
    rows: rowsOf(run),
    ratios: [],
    checks: [faultless('no request failed', faults)],
    notes: [processorsOf(run), leftBehind(workload), ...limited(faults)],
  }
  const text = report([result])
  console.log(`\n${text}`)
  await Bun.write(FILES.report, `${text}\n![latency of each second](${FILES.chart})\n`)
  await Bun.write(
    FILES.chart,
    chart(`Latency at ${users} users`, [{ title: `${users} users`, series: run.tally.series() }], P95_GOAL),
  )
  console.log(`written: ${FILES.report}, ${FILES.chart}`)
  return result.checks.every(({ held }) => held)
}

function readArguments(args: string[]) {
  const text = { type: 'string' } as const
  let values: { url?: string; users?: string; seconds?: string; token?: string }
  try {
    values = parseArgs({ args, options: { url: text, users: text, seconds: text, token: text } }).values
  } catch (error) {
    throw new Unfit((error as Error).message)
  }
  const { url: given, users = '50', seconds = '30', token } = values
  if (!given) throw new Unfit('--url is missing: where the service is. Without any option, a fleet is started on this machine')
  const url = URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol)) throw new Unfit(`--url must begin with http:// or https://, not ${given}`)
  if (url.username || url.pathname !== '/' || url.search || url.hash)
    throw new Unfit(`--url must be a scheme, a host and a port, and no more: ${url.protocol}//${url.host}`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new Unfit('--token must be one word of printable characters')
  return { url, users: bounded('users', users), seconds: bounded('seconds', seconds), token }
}

function bounded(name: keyof typeof MOST, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > MOST[name])
    throw new Unfit(`--${name} must be a whole number from 1 to ${MOST[name]}, not ${text}`)
  return value
}

/** Whether this is a Waypost: nobody else's service gets a load. */
async function greet(url: URL) {
  const answer = await fetch(new URL('/health', url), { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).catch(
    (error) => {
      throw new Unfit(`--url: ${url.origin} cannot be reached: ${(error as Error).message}`)
    },
  )
  const body = (await answer.json().catch(() => undefined)) as { status?: unknown } | undefined
  if (answer.status !== 200 || body?.status !== 'ok')
    throw new Unfit(`--url: ${url.origin}/health answers ${answer.status}, not as Waypost does`)
}

function explain(error: unknown, token: string | undefined): string {
  if (!(error instanceof Refusal)) return `--url: no answer to POST /shorten: ${(error as Error).message}`
  if (error.status === 401 && token === undefined) return '--token is missing: the service makes links for those that it knows'
  if (error.status === 401) return '--token: the service does not know it'
  if (error.status === 403) return `--token: it may not make links. ${error.message}`
  return error.message
}

const leftBehind = (workload: Workload) =>
  `The test leaves ${workload.made()} links behind, titled "${TITLE}" (GET /urls?q=${TITLE.replace(' ', '+')}).`

const limited = (faults: Record<string, number>) =>
  Object.keys(faults).some((fault) => fault.endsWith(' 429'))
    ? ['429 is the service’s own rate limit (RATE_CREATE, RATE_READ): it holds for API keys and not for the admin token.']
    : []
