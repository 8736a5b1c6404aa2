// What a process may take of its machine, as the kernel tells it: control groups of version 2 and 1, nested, and none.
import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { limits, watchMemory } from '../../src/telemetry/machine.ts'
import { temporaryFolder } from '../scratch.ts'

const GIB = 1024 ** 3
const ALL = { memory: totalmem(), cores: availableParallelism() }

test.each<[name: string, groups: string, files: Record<string, string>, expected: Partial<typeof ALL>]>([
  ['none', '', {}, {}],
  ['version 2, no limit', '0::/a/b\n', { 'a/b/memory.max': 'max', 'a/b/cpu.max': 'max 100000' }, {}],
  ['version 2', '0::/a/b\n', { 'a/b/memory.max': `${GIB}`, 'a/b/cpu.max': '50000 100000' }, { memory: GIB, cores: 0.5 }],
  ['version 2, in a container', '0::/\n', { 'memory.max': `${GIB}`, 'cpu.max': '50000 100000' }, { memory: GIB, cores: 0.5 }],
  [
    'version 2, the tightest of those above',
    '0::/a/b\n',
    { 'a/memory.max': `${GIB}`, 'a/b/memory.max': `${2 * GIB}` },
    { memory: GIB },
  ],
  ['more than the machine has', '0::/a\n', { 'a/memory.max': `${totalmem() * 2}`, 'a/cpu.max': '99900000 100000' }, {}],
  [
    'version 1',
    '4:memory:/a\n3:cpu,cpuacct:/a\n',
    {
      'memory/a/memory.limit_in_bytes': `${GIB}`,
      'cpu,cpuacct/a/cpu.cfs_quota_us': '25000',
      'cpu,cpuacct/a/cpu.cfs_period_us': '100000',
    },
    { memory: GIB, cores: 0.25 },
  ],
  ['version 1, no limit', '3:cpu:/\n', { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000' }, {}],
  [
    'version 1, in a container that sees the host’s path',
    '4:memory:/docker/x\n',
    { 'memory/memory.limit_in_bytes': `${GIB}` },
    { memory: GIB },
  ],
])('limits: %s', (_, groups, files, expected) => {
  expect(limits(kernel(groups, files))).toMatchObject({ ...ALL, ...expected })
})

test.each([
  ['version 2', '0::/a\n', 'a', { limit: 'memory.max', usage: 'memory.current', idle: 'inactive_file' }],
  [
    'version 1',
    '4:memory:/a\n',
    'memory/a',
    { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', idle: 'total_inactive_file' },
  ],
])('what is used, and that it nears the limit: %s', (_, groups, folder, { limit, usage, idle }) => {
  const said: unknown[] = []
  const take =
    (level: string) =>
    (fields: unknown, sentence = '') =>
      said.push([level, fields, sentence.slice(0, 23)])
  const mib = (count: number) => String(count * 1024 ** 2)
  const files = { [limit]: mib(100), [usage]: mib(95), 'memory.stat': `cache 1\n${idle} ${mib(40)}\nactive_file 7` }
  const root = kernel(groups, Object.fromEntries(Object.entries(files).map(([name, text]) => [join(folder, name), text])))
  const memory = watchMemory({ warn: take('warn'), info: take('info') }, 0.9, root)
  expect(memory.figures()).toEqual({ limit: 100 * 1024 ** 2, used: 55 * 1024 ** 2, tight: false })
  for (const used of [131, 139, 127, 123, 124]) {
    writeFileSync(join(root.cgroup, folder, usage), mib(used))
    memory.measure()
  }
  expect(said).toEqual([
    ['warn', { used_mib: 91, limit_mib: 100 }, 'little memory is left: '],
    ['info', { used_mib: 83, limit_mib: 100 }, 'there is enough memory '],
  ])
  memory.stop()
})

test('few descriptors are left: said once, at the limit too, and once that there are enough again', async () => {
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { watchDescriptors } from '${import.meta.dir}/../../src/telemetry/descriptors.ts'
    const said = []
    const watch = watchDescriptors({ warn: (...line) => said.push(line), info: (...line) => said.push(line) }, 0.8)
    const open = []
    const figures = []
    for (const share of [0.5, 0.81, 2, 0.78, 0.5]) {
      try {
        while (watch.figures().open < share * 300) { open.push(openSync('/dev/null', 'r')); watch.measure() }
      } catch {} // at 300
      while (watch.figures().open > share * 300) { closeSync(open.pop()); watch.measure() }
      figures.push(watch.figures())
    }
    console.log(JSON.stringify({ said, figures }))
    process.exit()`
  const child = Bun.spawn(['sh', '-c', 'ulimit -n 300; exec "$0" --no-env-file -e "$1"', process.execPath, script], {
    stdout: 'pipe',
  })
  const { said, figures } = await new Response(child.stdout).json()
  expect(figures.map(({ open, most, low }: Record<string, unknown>) => [open, most, low])).toEqual([
    [150, 300, false],
    [243, 300, true],
    [300, 300, true],
    [234, 300, true],
    [150, 300, false],
  ])
  expect(said).toEqual([
    [{ open: 241, most: 300 }, 'few file descriptors are left: at the limit no connection is accepted'],
    [{ open: 225, most: 300 }, 'there are enough file descriptors again'],
  ])
})

/** Folders as the kernel would show them. */
function kernel(groups: string, files: Record<string, string>) {
  const root = { proc: temporaryFolder(), cgroup: temporaryFolder() }
  const all = { [join(root.proc, 'self/cgroup')]: groups }
  for (const [file, text] of Object.entries(files)) all[join(root.cgroup, file)] = text
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${text}\n`)
  }
  return root
}
