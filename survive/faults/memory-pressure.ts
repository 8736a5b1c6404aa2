import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../fault.ts'

// Both layouts of control groups: of the first version with a folder for each resource, and the second.
const GROUPS = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'] as const
const ROOT = GROUPS.find((folder) => existsSync(join(folder, 'cgroup.procs')) && existsSync(folder))
const SHARE = 0.92 // of what it may take, it takes
const MB = 1024 * 1024

export const memoryPressure: Fault = {
  name: 'memory-pressure',
  about:
    'One replica uses 92 % of its memory limit, mostly by /chaos; then it has to serve lists of 100 links; if the system kills it, it is started again',
  signs: {
    metric: /^waypost_memory_limit_bytes \d{1,9}$/,
    log: /little memory is left/,
    alert: /^memory_low firing/,
    console: /Memory is at \d+ % of its limit/,
  },
  restarts: true,
  cutsOff: true,
  atLeast: 10,
  lacks: () => (process.getuid?.() === 0 && ROOT ? undefined : 'control groups cannot be made here: that takes root'),
  async begin({ members, chaosToken }, { random, note, client }) {
    const member = random.of(members)
    const group = join(ROOT!, `waypost-survive-${process.pid}`)
    mkdirSync(group, { recursive: true })
    const isFirst = existsSync(join(group, 'memory.limit_in_bytes'))
    const [limit, usage] = isFirst ? ['memory.limit_in_bytes', 'memory.usage_in_bytes'] : ['memory.max', 'memory.current']
    await member.end('SIGTERM')
    const started = member.start() // memory counts where it is first used: so it goes into the group before it has any
    writeFileSync(join(group, 'cgroup.procs'), String(member.replica.pid))
    await started
    const chaos = (method: string, body?: object) =>
      member.ask('/chaos', {
        method,
        headers: { 'x-chaos-token': chaosToken, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      })
    await chaos('POST', { fault: 'memory', share: 0.25, duration: 60 }) // holds 256 MB, so that the room is more than a young process grows by at once
    await Bun.sleep(3_000)
    const stat = readFileSync(join(group, 'memory.stat'), 'utf8')
    const idle = Number(/^total_inactive_file (\d+)/m.exec(stat)?.[1] ?? /^inactive_file (\d+)/m.exec(stat)?.[1] ?? 0)
    const may = Math.round((Number(readFileSync(join(group, usage), 'utf8')) - idle) / SHARE)
    writeFileSync(join(group, limit), String(may))
    await Bun.sleep(3_000) // in which it says so
    let going = true
    const work = Array.from({ length: 4 }, async () => {
      while (going) {
        await member.ask('/urls?per_page=100').then(
          (response) => response.arrayBuffer(),
          () => {},
        )
        await seeWhetherKilled()
        await Bun.sleep(20)
      }
    })
    async function seeWhetherKilled() {
      if (!member.endedByItself()) return
      client.expectKill()
      note('the system killed it')
      await member.end('SIGKILL')
    }
    return {
      async end() {
        going = false
        await Promise.all(work)
        writeFileSync(join(group, limit), isFirst ? '-1' : 'max')
        await Bun.sleep(500) // it may be about to be killed
        await seeWhetherKilled()
        if (member.replica.lives()) {
          await chaos('DELETE')
          note(`it went on, with ${Math.round(may / MB)} MB`)
          writeFileSync(join(ROOT!, 'cgroup.procs'), String(member.replica.pid))
        }
        await member.start()
        rmdirSync(group)
      },
    }
  },
}
