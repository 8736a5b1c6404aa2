// Waypost as a process of its own, for tests that kill it.
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { freePort } from './postgres.ts'

const READY_WITHIN = 120_000
const main = join(import.meta.dir, '../src/main.ts')
/** Processes that live for seconds do not earn what the last tiers of the compilers cost: initdb takes 1.4 s of processor time, with them 2.5 s. */
const BRIEF = { BUN_JSC_useOMGJIT: '0', BUN_JSC_useFTLJIT: '0' }

export type Child = Awaited<ReturnType<typeof startChild>>

/** Runs one command to its end. `env` is its environment. */
export async function runCommand(args: string[], env: Record<string, string> = {}, cwd?: string) {
  const { memory: _, ...said } = await measureCommand(args, env, cwd)
  return said
}

/** The same with the peak of its memory, in bytes. */
export async function measureCommand(args: string[], env: Record<string, string> = {}, cwd?: string) {
  const child = Bun.spawn([process.execPath, '--no-env-file', main, ...args], {
    env: { ...BRIEF, ...env },
    cwd,
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: READY_WITHIN,
  })
  const [code, out, err] = await Promise.all([child.exited, new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code, out, err, memory: child.resourceUsage()!.maxRSS }
}

/** Starts `serve` on a free port and waits until /ready says `status`; `said` is a file for all that it prints, `args` are more of serve's, `program` is an executable. The process ends with the tests'. */
export async function startChild(
  env: Record<string, string>,
  status = 'ready',
  said?: string,
  args: string[] = [],
  program?: string,
) {
  const port = await freePort()
  const child = Bun.spawn([...(program ? [program] : [process.execPath, '--no-env-file', main]), 'serve', ...args], {
    env: { ...BRIEF, PORT: String(port), DRAIN_WAIT: '0', LOG_LEVEL: 'warn', ...env },
    stdout: said ? openSync(said, 'a') : 'ignore',
    stderr: said ? openSync(said, 'a') : 'inherit',
  })
  atEnd(() => child.kill(9))
  const base = `http://127.0.0.1:${port}`
  const deadline = Date.now() + READY_WITHIN
  while (!(await isAt(base, status))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`the server did not start (exit ${child.exitCode})`)
    await Bun.sleep(50)
  }
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(base + path, {
      method,
      redirect: 'manual',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined }
  }
  return { base, port, pid: child.pid, exited: child.exited, kill: (signal: NodeJS.Signals) => child.kill(signal), call }
}

async function isAt(base: string, status: string): Promise<boolean> {
  try {
    return ((await (await fetch(`${base}/ready`, { keepalive: false })).json()) as { status: string }).status === status
  } catch {
    return false
  }
}
