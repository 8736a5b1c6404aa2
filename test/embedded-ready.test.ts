// The cluster that a first start unpacks: each has its own identifier, damage is noticed, and nothing is left of one that is not complete.
import { beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { executable } from '../deploy/cluster/executable.ts'
import { READY, unpackCluster } from '../src/database/embedded-ready.ts'
import { atEnd } from './at-end.ts'
import { runCommand, startChild } from './child.ts'
import { temporaryFolder } from './scratch.ts'

const BUILDING = 120_000
const mount = (...args: string[]) => Bun.spawnSync(['mount', ...args]).exitCode === 0

let packed: Buffer

beforeAll(async () => {
  await executable() // unpacked from source too, once it is built
  packed = readFileSync(READY)
}, BUILDING)

/** The identifier that PostgreSQL reports; it compares checksum, control file and write-ahead log when it starts. */
async function identifierOf(DATA_DIR: string): Promise<string> {
  const server = await startChild({ DATA_DIR })
  const sql = postgres({ host: join(DATA_DIR, 'socket'), database: 'postgres', username: 'postgres', max: 1 })
  const [row] = await sql<{ id: string }[]>`select system_identifier::text as id from pg_control_system()`
  await sql.end()
  server.kill('SIGKILL')
  await server.exited
  return row!.id
}

test('each installation has its own system identifier, which stays', async () => {
  const [first, second] = [temporaryFolder(), temporaryFolder()]
  const identifier = await identifierOf(first)
  expect(BigInt(identifier) >> 32n).toBeGreaterThan(BigInt(Math.floor(Date.now() / 1000) - 3600))
  expect(await identifierOf(second)).not.toBe(identifier)
  expect(await identifierOf(first)).toBe(identifier)
})

test('is what initdb creates, file by file', async () => {
  const [unpacked, created] = [temporaryFolder(), temporaryFolder()]
  unpackCluster(packed, unpacked)
  expect((await runCommand(['initdb', created])).code).toBe(0)
  const names = (folder: string) => (readdirSync(folder, { recursive: true }) as string[]).sort()
  expect(names(unpacked)).toEqual(names(created))
})

test('a damaged byte anywhere, or a missing part, is noticed before a file is written', () => {
  const harmed = Array.from({ length: 20 }, (_, i) => {
    const copy = Buffer.from(packed)
    copy[Math.floor(((i + 0.5) / 20) * copy.length)]! ^= 1
    return copy
  })
  for (const bytes of [...harmed, packed.subarray(0, -1), packed.subarray(0, packed.length / 2), Buffer.alloc(0)]) {
    const folder = temporaryFolder()
    expect(() => unpackCluster(bytes, folder)).toThrow()
    expect(readdirSync(folder)).toEqual([])
  }
})

test('a folder that is not empty is not written over', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'base'))
  expect(() => unpackCluster(packed, folder)).toThrow('EEXIST')
})

test('one that was killed while it unpacked is repeated as a whole', async () => {
  for (let killed = false; !killed; ) {
    const folder = temporaryFolder()
    const making = join(folder, 'pg18.making')
    const command = [process.execPath, '--no-env-file', join(import.meta.dir, '../src/main.ts'), 'migrate']
    const child = Bun.spawn(command, { env: { DATA_DIR: folder }, stdout: 'ignore', stderr: 'ignore' })
    while (!existsSync(join(making, 'base')) && child.exitCode === null) await Bun.sleep(1)
    child.kill('SIGKILL')
    await child.exited
    killed = existsSync(making) // else it was already complete
    const { code } = await runCommand(['migrate'], { DATA_DIR: folder })
    expect([code, existsSync(making), existsSync(join(folder, 'pg18/PG_VERSION'))]).toEqual([0, false, true])
  }
})

const mountable = (() => {
  const folder = temporaryFolder()
  if (!mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder)) return false
  Bun.spawnSync(['umount', folder])
  return true
})()
if (!mountable) console.warn('SKIPPED: a first start on a full or read-only disk (it needs the right to mount a tmpfs)')

describe.skipIf(!mountable)('a first start', () => {
  function disk(options: string): string {
    const folder = temporaryFolder()
    mount('-t', 'tmpfs', '-o', options, 'tmpfs', folder)
    atEnd(() => Bun.spawnSync(['umount', '-l', folder]))
    return folder
  }

  test('on a disk that is too small says so, leaves nothing, and works once there is space', async () => {
    const folder = disk('size=20m')
    const { code, err } = await runCommand(['migrate'], { DATA_DIR: folder })
    expect([code, err]).toEqual([
      1,
      `waypost: the embedded database could not be created in ${join(folder, 'pg18')}: its disk is full\n`,
    ])
    expect(readdirSync(folder).filter((name) => name.startsWith('pg'))).toEqual([])
    mount('-o', 'remount,size=300m', folder)
    expect((await runCommand(['migrate'], { DATA_DIR: folder })).code).toBe(0)
    expect(existsSync(join(folder, 'pg18/PG_VERSION'))).toBe(true)
  })

  test('in a folder that is read-only stops with one sentence', async () => {
    const { code, err } = await runCommand(['migrate'], { DATA_DIR: disk('ro') })
    expect([code, err]).toEqual([1, expect.stringMatching(/^waypost: [^\n]*read-only file system[^\n]*\n$/)])
  })
})
