import { readdirSync, readFileSync } from 'node:fs'

/** A process and all that it started. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // it has ended
    }
  }
  const family = [pid]
  for (const one of family) for (const [child, parent] of parents) if (parent === one) family.push(child)
  return family
}

/** To a process and its descendants; those that have ended are ignored. */
export function signalFamily(pid: number, signal: NodeJS.Signals) {
  for (const one of familyOf(pid))
    try {
      process.kill(one, signal)
    } catch {
      // it has ended
    }
}

/** What a process takes: megabytes of memory, and descriptors. */
export function footprint(pid: number): { memory: number; descriptors: number } {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { memory: Math.round(Number(kilobytes ?? 0) / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length }
}
