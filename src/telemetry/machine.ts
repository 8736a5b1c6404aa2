// The limits of this process on its machine, and how busy the one thread is that answers requests.
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { threshold } from '../base/threshold.ts'
import type { Log } from './logs.ts'
import type { Metrics } from './metrics.ts'

const LOOK_EVERY = 1_000
/** Looks between two readings of the limits, which take some fifty files. */
const LIMITS_EVERY = 2
/** The share, as a difference, by which usage must fall below the limit before the warning ends. */
const GAP = 0.05
const TICKS = 100 // per second: the kernel's unit of CPU time on every platform that we build for

/** The folders of the kernel's figures; others in tests. */
type Root = { proc?: string; cgroup?: string }

export function exposeMachine({ expose }: Metrics, root: Root = {}) {
  expose('cpu_limit_cores', 'gauge', 'Cores that the process may use: its control group’s quota, else the machine’s.', () => [
    { value: limits(root).cores },
  ])
  expose('memory_limit_bytes', 'gauge', 'Memory that the process may use: its control group’s limit, else the machine’s.', () => [
    { value: limits(root).memory },
  ])
  expose(
    'memory_used_bytes',
    'gauge',
    'Memory in use: what its control group cannot reclaim at once, else its resident memory.',
    () => [{ value: memory(limits(root)).used }],
  )
  expose(
    'main_thread_cpu_seconds_total',
    'counter',
    'CPU time of the thread that answers requests, which can use one core at most.',
    () => {
      const seconds = mainThread(root)
      return seconds === undefined ? [] : [{ value: seconds }]
    },
  )
}

/** Checks each second, against limits that are read every other second; logs when more than the share `most` of the limit is used, and when that ends. */
export function watchMemory(log: Pick<Log, 'warn' | 'info'>, most: number, root: Root = {}) {
  let looks = 0
  let known = limits(root)
  let now = memory(known)
  let tight = false
  const isTight = threshold(most, most - GAP, (tooHigh) => {
    const fields = { used_mib: Math.ceil(now.used / 1024 ** 2), limit_mib: Math.floor(now.limit / 1024 ** 2) }
    if (tooHigh) log.warn(fields, 'little memory is left: at the limit the system kills this process')
    else log.info(fields, 'there is enough memory again')
  })
  const timer = setInterval(measure, LOOK_EVERY)
  timer.unref()

  function measure() {
    if (++looks % LIMITS_EVERY === 0) known = limits(root)
    now = memory(known)
    tight = isTight(now.used / now.limit)
  }

  return { figures: () => ({ ...now, tight }), measure, stop: () => clearInterval(timer) }
}
export type Memory = ReturnType<typeof watchMemory>

/** Bytes. Those of the control group with the tightest limit, if that is below the machine's memory: other processes in it count too. */
function memory({ memory: limit, group }: ReturnType<typeof limits>) {
  return { limit, used: (group === undefined ? undefined : usedIn(group)) ?? resident() }
}

let wasResident = 0

/** Bytes; the last known value if no descriptor is left to read it. */
export function resident(): number {
  try {
    wasResident = process.memoryUsage.rss()
  } catch {}
  return wasResident
}

/** What the system cannot reclaim at once, by Kubernetes' definition. */
function usedIn(group: string): number | undefined {
  const usage = read(group, 'memory.current') ?? read(group, 'memory.usage_in_bytes')
  if (usage === undefined) return undefined
  const stat = read(group, 'memory.stat') ?? ''
  const [, idle = '0'] = /^total_inactive_file (\d+)$/m.exec(stat) ?? /^inactive_file (\d+)$/m.exec(stat) ?? []
  return Math.max(0, Number(usage) - Number(idle))
}

/** The tightest limits of this process's control groups (versions 2 and 1) and of the machine; `group`: the folder of the one that limits memory. */
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

/** Ignores a `limit` that is not set: "max" is not a number, and version 1 has -1. */
const least = (value: number, limit: number) => (limit > 0 ? Math.min(value, limit) : value)

/** /a/b -> /a/b, /a, /: a limit applies to everything below it. In a container the path may be the host's, and only / exists. */
function groups(path: string): string[] {
  const parts = path.split('/').filter(Boolean)
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/')).concat('')
}

function mainThread({ proc = '/proc' }: Root): number | undefined {
  const stat = read(proc, `self/task/${process.pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') // the name in front may contain spaces
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS
}

function read(...path: string[]): string | undefined {
  try {
    return readFileSync(join(...path), 'utf8').trim()
  } catch {
    return undefined
  }
}
