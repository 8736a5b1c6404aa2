// The log's output: nobody may read it, its disk may be full, its reader may be gone. The server responds, stops on request, and says what is
// missing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { createLifecycle } from '../src/monitor/lifecycle.ts'
import { logOutput } from '../src/telemetry/log-output.ts'
import { databases, quiet } from './databases.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

/** A pipe that is read when the test says so. */
function pipe() {
  const path = join(temporaryFolder(), 'pipe')
  Bun.spawnSync(['mkfifo', path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  const buffer = Buffer.alloc(65_536)
  return {
    writer,
    read() {
      try {
        return buffer.toString('utf8', 0, readSync(reader, buffer))
      } catch {
        return '' // EAGAIN
      }
    },
    hangUp: () => closeSync(reader),
  }
}

const lineOf = (n: number) => `${n} ${'x'.repeat(1_000)}\n`

describe('a pipe', () => {
  test('gets every line in order, as fast as it is read', async () => {
    const { writer, read } = pipe()
    const output = logOutput(writer)
    for (let n = 0; n < 1_000; n++) output.write(lineOf(n))
    let got = ''
    await until(
      'all is read',
      () => (got += read()).length === Array.from({ length: 1_000 }, (_, n) => lineOf(n)).join('').length,
    )
    expect(
      got
        .trimEnd()
        .split('\n')
        .map((line) => Number.parseInt(line, 10)),
    ).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
    expect(output.dropped()).toBe(0)
  })

  test('that is not read takes bounded memory; dropped lines are counted, and reported when it flows again', async () => {
    const { writer, read } = pipe()
    const output = logOutput(writer, 100_000)
    const told: number[] = []
    output.onFlow((lines) => void told.push(lines))
    for (let n = 0; n < 1_000; n++) output.write(lineOf(n))
    await output.flush(10)
    for (let n = 1_000; n < 2_000; n++) output.write(lineOf(n))
    const dropped = output.dropped()
    expect(dropped).toBeWithin(1_700, 1_950) // 100 kB here, and 64 in the pipe
    let got = ''
    await until('the rest is read', () => (got += read()).split('\n').length - 1 === 2_000 - dropped)
    output.write('the end\n')
    await until('it flows again', () => (got += read()).endsWith('the end\n'))
    expect(told.reduce((sum, lines) => sum + lines)).toBe(dropped)
    output.atExit()
  })

  test('that is not read delays neither writers nor the exit', async () => {
    const { writer } = pipe()
    const output = logOutput(writer)
    for (let n = 0; n < 200; n++) output.write(lineOf(n))
    await output.flush(50)
    output.atExit()
    expect(output.dropped()).toBe(0)
  })

  test('whose reader is gone throws nothing', async () => {
    const { writer, hangUp } = pipe()
    hangUp()
    const output = logOutput(writer, 10_000)
    for (let n = 0; n < 100; n++) output.write(lineOf(n))
    await output.flush(50)
    output.atExit()
    expect(output.dropped()).toBeGreaterThan(80)
  })
})

test('a stop whose every step hangs ends', async () => {
  const ended = Promise.withResolvers<number>()
  const lifecycle = createLifecycle(quiet().log, ended.resolve)
  let run = 0
  for (let n = 0; n < 10; n++)
    lifecycle.onDrain(`step ${n}`, () => {
      run++
      return new Promise(() => {})
    })
  lifecycle.onDrain('throws', () => {
    run++
    throw new Error('why not')
  })
  void lifecycle.drain(7, 'the test says so')
  expect(await ended.promise).toBe(7)
  expect(run).toBe(11)
})

/** The server with its standard output and error as the shell's redirections say; `/dev/fd/3` is a pipe that nobody reads. */
async function serverWith(redirections: string, isRead = true) {
  const port = await freePort()
  const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
  const { writer, hangUp } = pipe()
  if (!isRead) hangUp()
  const main = join(import.meta.dir, '../src/main.ts')
  const child = Bun.spawn(['sh', '-c', `exec "$0" --no-env-file "$1" serve ${redirections}`, process.execPath, main], {
    env: { DATA_DIR, PORT: String(port), DRAIN_WAIT: '0', LOG_LEVEL: 'debug', RATE_UNKNOWN: 'off', RATE_READ: 'off' },
    stdio: ['ignore', 'pipe', 'pipe', writer],
  })
  const base = `http://127.0.0.1:${port}`
  const get = (path: string) => fetch(base + path, { redirect: 'manual' }).catch(() => undefined)
  await until('it is ready', async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${child.exitCode}`)
    return (await get('/ready'))?.ok
  })
  return { child, get }
}

describe('the server stops on request, and responds until then, with standard output', () => {
  let servers: Awaited<ReturnType<typeof serverWith>>[] = []
  const all: [name: string, redirections: string, isRead?: boolean][] = [
    ['that nobody reads', '>&3 2>&1'],
    ['whose reader is gone', '>&3 2>&1', false],
    ['closed', '>&- 2>&-'],
    ['on a full disk', '>/dev/full 2>&1'],
  ]
  beforeAll(async () => {
    servers = await Promise.all(all.map(([, redirections, isRead]) => serverWith(redirections, isRead)))
  })
  afterAll(async () => {
    for (const { child } of servers) child.kill(9)
  })

  test.each(all.map(([name], place) => [name, place] as const))('%s', async (_, place) => {
    const { child, get } = servers[place]!
    const path = `/urls/${'9'.repeat(15)}?${'x'.repeat(2_000)}`
    for (let n = 0; n < 150; n++) expect((await get(path))?.status).toBe(404)
    expect(await (await get('/metrics'))?.text()).toMatch(/^waypost_log_lines_dropped_total \d+$/m)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })
})

test('what a file gets is whole, to the last line', async () => {
  const file = join(temporaryFolder(), 'log')
  const { child } = await serverWith(`>${file}`)
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(JSON.parse(lines.at(-1)!).message).toBe('stopped')
  expect(lines.every((line) => JSON.parse(line).time)).toBe(true)
})
