// CPU time, from /proc.
import { readdirSync, readFileSync } from 'node:fs'

const TICKS = 100 // a second, on every Linux that Bun runs on

/** CPU seconds so far of this process, as `client`, and of what it started, by program. Empty where there is no /proc. */
export function processorTime(): Record<string, number> {
  const processes = new Map(list().map((each) => [each.pid, each]))
  const isOurs = (pid: number): boolean => pid === process.pid || (processes.has(pid) && isOurs(processes.get(pid)!.parent))
  const spent: Record<string, number> = {}
  for (const { pid, program, ticks } of processes.values()) {
    if (!isOurs(pid)) continue
    const name = pid === process.pid ? 'client' : program
    spent[name] = (spent[name] ?? 0) + ticks / TICKS
  }
  return spent
}

function list() {
  const names = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const [, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const ticks = Number(rest[9]) + Number(rest[10])
      return [
        { pid: Number(name), program: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')), parent: Number(parent), ticks },
      ]
    } catch {
      return [] // it has ended
    }
  })
}
