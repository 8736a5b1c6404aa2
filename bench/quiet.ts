// Whether the machine was quiet while a scenario loaded it: its load before, and the CPU time that others used or the hypervisor took.
import { readdirSync, readFileSync } from 'node:fs'
import { loadavg } from 'node:os'

/** Shares of all CPU time during the windows; `load`: the mean of the last minute before the first one. */
export type Quiet = { load: number; stolen: number; others: number }

const TICKS = 100 // a second, for programs of Linux

type Sample = { all: number; busy: number; stolen: number; ours: number }

const roots: (() => number)[] = [() => process.pid]
let total: Sample = { all: 0, busy: 0, stolen: 0, ours: 0 }
let load = 0

/** Counts the processes below this one as ours: PostgreSQL detaches itself. */
export const countAsOurs = (pid: () => number) => void roots.push(pid)

/** Forgets earlier windows. */
export function beginWindows() {
  total = { all: 0, busy: 0, stolen: 0, ours: 0 }
  load = loadavg()[0]!
}

/** Does `work`, during which CPU time is watched. */
export async function watched<T>(work: () => Promise<T>): Promise<T> {
  const before = sample()
  const result = await work()
  const after = sample()
  for (const key of Object.keys(total) as (keyof Sample)[]) total[key] += after[key] - before[key]
  return result
}

/** Undefined without a window, or without /proc. */
export function quietness(): Quiet | undefined {
  if (total.all === 0) return undefined
  return { load, stolen: total.stolen / total.all, others: Math.max(0, total.busy - total.ours) / total.all }
}

const LOAD = 0.3
const SHARE = 0.03

/** What the reports say of it. */
export function quietText({ load, stolen, others }: Quiet): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const verdict = load <= LOAD && stolen + others <= SHARE ? 'The machine was quiet' : 'THE MACHINE WAS NOT QUIET'
  return `${verdict}: load ${load.toFixed(2)} before; during the windows ${percent(stolen)} of the CPU time was stolen, other processes used ${percent(others)}`
}

function sample(): Sample {
  try {
    const cpu = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))![1]!.split(' ').map(Number)
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = cpu
    const busy = user + nice + system + irq + soft
    return { all: busy + idle + wait + stolen, busy, stolen, ours: ours() }
  } catch {
    return { all: 0, busy: 0, stolen: 0, ours: 0 }
  }
}

/** Ticks of this process, of those that it started, and of the children that they awaited. */
function ours(): number {
  const processes = new Map<number, { parent: number; ticks: number }>()
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
        .map(Number)
      processes.set(Number(name), { parent: fields[1]!, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) })
    } catch {
      // it has ended
    }
  const known = new Set(roots.map(pidOf))
  const isOurs = (pid: number): boolean => known.has(pid) || (processes.has(pid) && isOurs(processes.get(pid)!.parent))
  return [...processes].filter(([pid]) => isOurs(pid)).reduce((sum, [, { ticks }]) => sum + ticks, 0)
}

function pidOf(root: () => number): number {
  try {
    return root()
  } catch {
    return -1 // it is stopped
  }
}

/** CPU seconds that a process and its threads have used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  return (fields[11]! + fields[12]!) / TICKS
}
