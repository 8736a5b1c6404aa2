// One program of the fleet: it ends with this process, however that ends, and takes no ctrl-C that was meant for it.
import { closeSync, openSync } from 'node:fs'

export type Program = ReturnType<typeof startProgram>

type Options = { log: string; env?: Record<string, string>; cwd?: string; nobody?: boolean; end?: NodeJS.Signals }

const isRoot = process.getuid?.() === 0
export const NOBODY = 65534

/** `nobody`: not as root, where this is root. `end`: the signal that asks it to stop in order. What it says goes to the file `log`. */
export function startProgram(command: string[], { log, env = {}, cwd, nobody = false, end = 'SIGTERM' }: Options) {
  const said = openSync(log, 'a', 0o600)
  const child = Bun.spawn([...privileges(nobody, end), ...command], {
    env: { PATH: process.env.PATH!, ...env },
    cwd,
    stdin: 'ignore',
    stdout: said,
    stderr: said,
    detached: true,
  })
  closeSync(said)
  return {
    pid: child.pid,
    exited: child.exited,
    lives: () => child.exitCode === null && child.signalCode === null,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Asks it to stop, and kills it where that takes longer than `ms`. */
    async stop(ms = 15_000) {
      child.kill(end)
      const timer = setTimeout(() => child.kill('SIGKILL'), ms)
      const code = await child.exited
      clearTimeout(timer)
      return code
    },
  }
}

/** Runs a program to its end; throws what it said where it failed. */
export async function run(
  command: string[],
  { nobody = false, env = {} }: Pick<Options, 'nobody' | 'env'> = {},
): Promise<string> {
  const child = Bun.spawn([...privileges(nobody, 'SIGTERM'), ...command], {
    env: { PATH: process.env.PATH!, ...env },
    cwd: '/',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${(err || out).trim()}`)
  return out
}

/** PostgreSQL refuses to run as root. A program whose parent is gone gets the signal that ends it in order. */
const privileges = (nobody: boolean, end: NodeJS.Signals) => [
  'setpriv',
  '--pdeathsig',
  end.slice(3),
  ...(nobody && isRoot ? ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'] : []),
  '--',
]

/** Asks every 50 ms until it is so. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, ms = 30_000) {
  const deadline = Date.now() + ms
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${ms / 1000} s: ${what}`)
    await Bun.sleep(50)
  }
}
