// What this process may take of its machine, and how busy the one thread is that answers requests.
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Metrics } from './metrics.ts'

const TICKS = 100 // a second: what the kernel counts in, on every platform that we build for

/** Where the kernel shows its own figures; another folder in tests. */
type Root = { proc?: string; cgroup?: string }

export function exposeMachine({ expose }: Metrics, root: Root = {}) {
  expose('cpu_limit_cores', 'gauge', 'Cores that the process may use: its control group’s quota, else the machine’s.', () => [
    { value: limits(root).cores },
  ])
  expose('memory_limit_bytes', 'gauge', 'Memory that it may use: its control group’s limit, else the machine’s.', () => [
    { value: limits(root).memory },
  ])
  expose(
    'main_thread_cpu_seconds_total',
    'counter',
    'CPU time of the thread that answers requests: one core is all it can have.',
    () => {
      const seconds = mainThread(root)
      return seconds === undefined ? [] : [{ value: seconds }]
    },
  )
}

/** The tightest limits of the control groups that the process is in (version 2 and 1), and of the machine. */
export function limits({ proc = '/proc', cgroup = '/sys/fs/cgroup' }: Root = {}) {
  let memory = totalmem()
  let cores = availableParallelism()
  for (const line of read(proc, 'self/cgroup')?.split('\n') ?? []) {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined) continue
    for (const group of groups(path)) {
      const file = (name: string) => read(cgroup, controllers, group, name) // controllers: '' in version 2
      memory = least(memory, Number(file('memory.max') ?? file('memory.limit_in_bytes')))
      const [quota, period] = file('cpu.max')?.split(' ') ?? [file('cpu.cfs_quota_us'), file('cpu.cfs_period_us')]
      cores = least(cores, Number(quota) / Number(period))
    }
  }
  return { memory, cores }
}

/** `limit` where it is one: "max" is not a number, and version 1 says -1. */
const least = (value: number, limit: number) => (limit > 0 ? Math.min(value, limit) : value)

/** /a/b -> /a/b, /a, /: a limit holds for all that is below. In a container the path may be the host's, and only / is there. */
function groups(path: string): string[] {
  const parts = path.split('/').filter(Boolean)
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/')).concat('')
}

function mainThread({ proc = '/proc' }: Root): number | undefined {
  const stat = read(proc, `self/task/${process.pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') // the name before may have spaces in it
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS
}

function read(...path: string[]): string | undefined {
  try {
    return readFileSync(join(...path), 'utf8').trim()
  } catch {
    return undefined
  }
}
