// What a process may take of its machine, as the kernel tells it: control groups of version 2 and 1, nested, and none.
import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { limits } from '../src/telemetry/machine.ts'
import { temporaryFolder } from './databases.ts'

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
  const [proc, cgroup] = [temporaryFolder(), temporaryFolder()]
  for (const [file, text] of [
    [join(proc, 'self/cgroup'), groups],
    ...Object.entries(files).map(([file, text]) => [join(cgroup, file), text]),
  ]) {
    mkdirSync(dirname(file!), { recursive: true })
    writeFileSync(file!, `${text}\n`)
  }
  expect(limits({ proc, cgroup })).toEqual({ ...ALL, ...expected })
})
