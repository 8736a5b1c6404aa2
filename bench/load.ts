// The clients: autocannon for rates and mixed requests; wrk, where it is installed, for the ceiling (autocannon is busy before the server is).
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { watched } from './quiet.ts'

export type Load = {
  tool: 'wrk' | 'autocannon'
  rate: number
  p50: number
  p99: number
  ok: number
  failed: number
  seconds: number
}
type Target = {
  url: string
  connections?: number
  seconds?: number
  method?: string
  body?: string
  headers?: Record<string, string>
  /** Each request then asks for `/c` and a random number up to this, instead of the same path; wrk only. */
  codes?: number
  /** … for `/u` and a random number that no link has. */
  unknown?: boolean
}

/** `--short` tries scenarios out: one round of short windows each. */
export const SHORT = process.argv.includes('--short')
const shortened = (seconds: number) => (SHORT ? Math.min(seconds, 1) : seconds)

export const wrk = Bun.which('wrk')
const taskset = Bun.which('taskset')
const AUTOCANNON = join(import.meta.dir, '../node_modules/autocannon/autocannon.js')

/** Puts a process on one of the two cores: the server on 0, the client on 1, so that neither takes the other's time. */
export const onCore = (core: number, command: string[]) => (taskset ? [taskset, '-c', String(core), ...command] : command)

/** As many requests as `connections` can make one after another, for `seconds`. Latencies in ms. */
export async function ceiling(target: Target): Promise<Load> {
  return wrk ? watched(() => runWrk(wrk, target)) : runAutocannon(target)
}

async function runWrk(
  wrk: string,
  { url, connections = 64, seconds = 5, method, body, headers = {}, codes, unknown }: Target,
): Promise<Load> {
  const script = join(import.meta.dir, 'request.lua')
  const all = { ...(body ? { 'content-type': 'application/json' } : {}), ...headers }
  const command = [wrk, '-t1', `-c${connections}`, `-d${shortened(seconds)}s`, '--latency', '--timeout', '10s']
  for (const [name, value] of Object.entries(all)) command.push('-H', `${name}: ${value}`)
  const environment = {
    ...process.env,
    WRK_METHOD: method ?? 'GET',
    WRK_BODY: body ?? '',
    WRK_CODES: String(codes ?? ''),
    WRK_UNKNOWN: unknown ? '1' : '',
  }
  const child = Bun.spawn(onCore(1, [...command, '-s', script, url]), { stdout: 'pipe', stderr: 'pipe', env: environment })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`wrk failed: ${await new Response(child.stderr).text()}`)
  const found = /RESULT (\{.*\})/.exec(text)
  if (!found) throw new Error(`wrk said: ${text}`)
  const { requests, errors, status, us, p50, p99 } = JSON.parse(found[1]!)
  return {
    tool: 'wrk',
    rate: requests / (us / 1e6),
    p50: p50 / 1000,
    p99: p99 / 1000,
    ok: requests - status,
    failed: status + errors,
    seconds: us / 1e6,
  }
}

/** `rate` requests a second in all (0: as many as possible) over `connections`. */
export const runAutocannon = (target: Target & { rate?: number }): Promise<Load> => watched(() => cannon(target))

async function cannon({
  url,
  connections = 64,
  seconds = 5,
  method,
  body,
  headers = {},
  rate = 0,
}: Target & { rate?: number }): Promise<Load> {
  if (!existsSync(AUTOCANNON)) throw new Error('autocannon is not installed: bun install')
  const command = [
    process.execPath,
    AUTOCANNON,
    '-j',
    '-n',
    '-c',
    String(connections),
    '-d',
    String(shortened(seconds)),
    '-m',
    method ?? 'GET',
  ]
  if (rate) command.push('-R', String(rate))
  if (body) command.push('-b', body, '-H', 'content-type=application/json')
  for (const [name, value] of Object.entries(headers)) command.push('-H', `${name}=${value}`)
  const child = Bun.spawn(onCore(1, [...command, url]), { stdout: 'pipe', stderr: 'pipe' })
  const [text, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  if ((await child.exited) !== 0) throw new Error(`autocannon failed: ${errors}`)
  const result = JSON.parse(text)
  const good = Object.entries(result.statusCodeStats as Record<string, { count: number }>)
    .filter(([status]) => Number(status) < 400)
    .reduce((sum, [, { count }]) => sum + count, 0)
  const { latency, duration } = result
  return {
    tool: 'autocannon',
    rate: good / duration,
    p50: latency.p50,
    p99: latency.p99,
    ok: good,
    failed: result.requests.total - good + result.errors,
    seconds: duration,
  }
}
