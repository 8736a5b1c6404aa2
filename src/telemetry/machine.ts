// What this process may take of its machine, and how busy the one thread is that answers requests.
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Log } from './logs.ts'
import type { Metrics } from './metrics.ts'

const LOOK_EVERY = 1_000
/** Of the limit. */
export const TIGHT = 0.9
const ENOUGH = 0.85
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
    'memory_used_bytes',
    'gauge',
    'What it takes of that: of its control group what cannot go at once, else what is resident.',
    () => [{ value: memory(root).used }],
  )
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

/** Looks each second, and logs when little is left of the limit, and when it is more again. */
export function watchMemory(log: Pick<Log, 'warn' | 'info'>, root: Root = {}) {
  let now = memory(root)
  let tight = false
  const timer = setInterval(look, LOOK_EVERY)
  timer.unref()

  function look() {
    now = memory(root)
    const share = now.used / now.limit
    const fields = { used_mib: Math.ceil(now.used / 1024 ** 2), limit_mib: Math.floor(now.limit / 1024 ** 2) }
    if (!tight && share > TIGHT) log.warn(fields, 'little memory is left: at the limit the system ends this process')
    if (tight && share <= ENOUGH) log.info(fields, 'there is enough memory again')
    tight = share > (tight ? ENOUGH : TIGHT)
  }

  return { figures: () => ({ ...now, tight }), look, stop: () => clearInterval(timer) }
}
export type Memory = ReturnType<typeof watchMemory>

/** Bytes. Of the control group with the tightest limit, if that is less than the machine has: who else is in there counts too. */
function memory(root: Root) {
  const { memory: limit, group } = limits(root)
  return { limit, used: (group === undefined ? undefined : usedIn(group)) ?? resident() }
}

let wasResident = 0

/** Bytes; where no descriptor is left to read it with, what it was before. */
export function resident(): number {
  try {
    wasResident = process.memoryUsage.rss()
  } catch {}
  return wasResident
}

/** What the system cannot take back at once, as Kubernetes counts it, too. */
function usedIn(group: string): number | undefined {
  const usage = read(group, 'memory.current') ?? read(group, 'memory.usage_in_bytes')
  if (usage === undefined) return undefined
  const stat = read(group, 'memory.stat') ?? ''
  const [, idle = '0'] = /^total_inactive_file (\d+)$/m.exec(stat) ?? /^inactive_file (\d+)$/m.exec(stat) ?? []
  return Math.max(0, Number(usage) - Number(idle))
}

/** The tightest limits of the control groups that the process is in (version 2 and 1), and of the machine; the folder of the one for memory. */
export function limits({ proc = '/proc', cgroup = '/sys/fs/cgroup' }: Root = {}) {
  let memory = totalmem()
  let cores = availableParallelism()
  let tightest: string | undefined
  for (const line of read(proc, 'self/cgroup')?.split('\n') ?? []) {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined) continue
    for (const group of groups(path)) {
      const file = (name: string) => read(cgroup, controllers, group, name) // controllers: '' in version 2
      const most = Number(file('memory.max') ?? file('memory.limit_in_bytes'))
      if (most > 0 && most < memory) {
        memory = most
        tightest = join(cgroup, controllers, group)
      }
      const [quota, period] = file('cpu.max')?.split(' ') ?? [file('cpu.cfs_quota_us'), file('cpu.cfs_period_us')]
      cores = least(cores, Number(quota) / Number(period))
    }
  }
  return { memory, cores, group: tightest }
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
