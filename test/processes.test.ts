// Several replicas below one supervisor: one port, crashes, reloads under load, another executable, and what becomes of them when the supervisor dies.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { executable } from '../deploy/cluster/executable.ts'
import { createListeners } from '../src/processes/listeners.ts'
import { steeringOf } from '../src/processes/steering.ts'
import { runCommand, startChild } from './child.ts'
import { anyDatabase, databases } from './databases.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'
import { readAnswer } from './wire.ts'

const ADMIN_TOKEN = 'a token of the operator'.replaceAll(' ', '-')
const SETTINGS = { ADMIN_TOKEN, RATE_CREATE: 'off', RATE_READ: 'off', LOG_LEVEL: 'info' }
const isLinux = process.platform === 'linux'

type Replica = { id: string; url: string; slot: number; state: string }
type Supervised = Awaited<ReturnType<typeof startSupervised>>

async function startSupervised(env: Record<string, string>, args: string[] = [], program?: string) {
  const said = join(temporaryFolder(), 'said')
  const settings = { ...SETTINGS, ...env }
  const server = await startChild(settings, 'ready', said, ['--processes', '2', ...args], program)
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(server.base + path, {
      method,
      keepalive: false,
      redirect: 'manual',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
  }
  const replicas = async (): Promise<Replica[]> => (await call('GET', '/api/fleet')).body.replicas
  const isReady = async ({ url }: Replica) =>
    (await (await fetch(`${url}/ready`, { keepalive: false })).json()).status === 'ready'
  /** Waits until two replicas are ready, of which `kept` are in `before`. What one replica knows of the others may be a second old. */
  async function two(before: Replica[] = [], kept = 0): Promise<Replica[]> {
    let found: Replica[] = []
    await until('two replicas are ready', async () => {
      const all = (await replicas()).filter(({ state }) => state === 'ready' || state === 'lost')
      const answers = await Promise.all(all.map((one) => isReady(one).catch(() => false)))
      found = all.filter((_, index) => answers[index])
      const same = found.filter(({ id }) => before.some((one) => one.id === id))
      return found.length === 2 && (before.length === 0 || same.length === kept)
    })
    return found
  }
  await two()
  return {
    ...server,
    call,
    create: () => call('POST', '/urls', { original_url: 'https://example.com/another' }),
    two,
    said: () => readFileSync(said, 'utf8'),
    children: () => childrenOf(server.pid),
    reload: () => runCommand(['reload'], { ...settings, PORT: String(server.port) }),
    clicks: async (code: string): Promise<number> => (await call('GET', `/urls/${code}/stats`)).body.clicks,
    /** Creates a link, and waits until both know it. Returns how many clicks that took. */
    async add(code: string): Promise<number> {
      expect((await call('POST', '/urls', { original_url: 'https://example.com/page', short_code: code })).status).toBe(201)
      const replicas = await two()
      for (const { url } of replicas)
        await until(`${url} knows ${code}`, async () => (await redirect(Number(new URL(url).port), code)) === 302)
      return replicas.length
    },
  }
}

type Child = { pid: number; command: string }

function childrenOf(pid: number): Child[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return pids.map((child) => ({ pid: child, command: readFileSync(`/proc/${child}/cmdline`, 'utf8') }))
}

const replicaOf = (server: Supervised) => server.children().findLast(({ command }) => command.includes('\0replica\0'))!.pid
const lives = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Follows a code once, on a connection of its own; 0 if that fails. */
function redirect(port: number, code: string): Promise<number> {
  return new Promise((done) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET /${code} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))
    socket.on('data', (part) => (answer += part))
    socket.on('error', () => {})
    socket.on('close', () => done(Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1] ?? 0)))
  })
}

/** Follows `code` from new connections, some at a time, while `work` runs. Returns how many were redirected, and every other answer. */
async function underLoad(port: number, code: string, work: () => Promise<unknown>) {
  let busy = true
  let redirected = 0
  const others: number[] = []
  const load = Array.from({ length: 8 }, async () => {
    while (busy) {
      const status = await redirect(port, code)
      if (status === 302) redirected++
      else others.push(status)
      await Bun.sleep(2)
    }
  })
  await work().finally(() => (busy = false))
  await Promise.all(load)
  return { redirected, others }
}

describe.if(isLinux)('the port', () => {
  test('gives a listener that is avoided no new connection, and all get some again afterwards', async () => {
    const port = await freePort()
    const counts: number[] = []
    const listeners = createListeners<number>()
    const servers = [0, 1, 2, 3].map((name) => {
      listeners.add(name)
      return Bun.serve({
        port,
        hostname: '127.0.0.1',
        reusePort: true,
        fetch: () => Response.json((counts[name] = (counts[name] ?? 0) + 1)),
      })
    })
    const many = async () => {
      counts.splice(0, 4, 0, 0, 0, 0)
      await Promise.all(Array.from({ length: 200 }, () => redirect(port, '')))
      return [...counts]
    }
    expect((await many()).every((count) => count > 0)).toBe(true)
    const busy = (spread: number[]) => spread.flatMap((count, name) => (count > 0 ? [name] : []))
    for (const [avoided, left] of [
      [
        [0, 2],
        [1, 3],
      ],
      [[1], [0, 2, 3]],
      [[0], [2, 3]],
      [[3], [2]],
    ] as const) {
      expect(steeringOf(port)!.avoid(listeners.some(new Set<number>(avoided))!)).toBe(true)
      expect(busy(await many())).toEqual([...left])
      if (left.length !== listeners.some(new Set([2]))!.count - 1 || left.length === 1) continue
      const [name] = avoided
      await servers[name]!.stop(true) // the last listener takes its place
      listeners.remove(name)
    }
    expect(steeringOf(port)!.spread()).toBe(true)
    expect(busy(await many())).toEqual([2, 3])
    for (const server of servers) await server.stop(true)
  })
})

describe.if(isLinux)('replicas of one supervisor', () => {
  let server: Supervised
  let settings: Record<string, string>
  const file = join(temporaryFolder(), 'env')
  beforeAll(async () => {
    settings = await anyDatabase.settings()
    writeFileSync(file, 'PUBLIC_URL=http://one.example\n')
    server = await startSupervised(settings, ['--env-file', file])
    await server.add('known')
  })
  afterAll(async () => {
    const pids = server.children().map(({ pid }) => pid)
    server.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(pids.filter(lives)).toEqual([])
  })

  test('share the port, have a slot and an address of their own each, and the fleet reaches every one', async () => {
    const replicas = await server.two()
    expect(replicas.map(({ slot }) => slot).sort()).toEqual([0, 1])
    for (const { id, url } of replicas) {
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect((await (await fetch(`${url}/ready`)).json()).status).toBe('ready')
      const logs = async () => (await server.call('GET', `/logs?limit=5&replica=${id}`)).body.logs
      await until(`${id} shows its log`, async () => (await logs()).length > 0)
    }
    const targets = async () => (await server.call('GET', '/api/fleet/targets')).body
    const byUrl = (a: { targets: string[] }, b: { targets: string[] }) => a.targets[0]!.localeCompare(b.targets[0]!)
    const expected = replicas.map(({ url, slot }) => ({
      targets: [new URL(url).host],
      labels: { __scheme__: 'http', slot: String(slot) },
    }))
    await until('Prometheus finds both', async () => Bun.deepEquals((await targets()).sort(byUrl), expected.sort(byUrl)))
    const answered = new Set<string>()
    await until('both answer on the port', async () => {
      const [self] = (
        await (
          await fetch(`${server.base}/api/fleet`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` }, keepalive: false })
        ).json()
      ).replicas
      return answered.add(self.id).size === 2
    })
    const names = new Set(replicas.map(({ url }) => new URL(url).port))
    for (const port of names) expect(server.said()).toMatch(new RegExp(`"replica_name":"[^"]+:${port}"`))
  })

  test('start again after a kill, with a growing delay, while the others redirect', async () => {
    const before = await server.two()
    const { redirected, others } = await underLoad(server.port, 'known', async () => {
      process.kill(replicaOf(server), 'SIGKILL')
      await server.two(before, 1)
    })
    expect(redirected).toBeGreaterThan(0)
    expect(others.filter((status) => status !== 0)).toEqual([]) // connections to the killed process are cut
    expect(server.said()).toContain('"signal":"SIGKILL","again_in_ms":200')
  })

  test('are replaced by `waypost reload` and SIGHUP without a failed request, with the settings of now, and every click counts once', async () => {
    const known = await server.add('counted')
    const before = await server.two()
    writeFileSync(file, 'PUBLIC_URL=http://two.example\n')
    const kept = Array.from({ length: 6 }, () => connect(server.port, '127.0.0.1'))
    const askOnKept = () =>
      Promise.all(
        kept.map(async (socket) => {
          socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
          const { status, headers } = await readAnswer(socket)
          return [status, headers.get('connection')]
        }),
      )
    expect(await askOnKept()).toEqual(kept.map(() => [200, null]))
    const { redirected, others } = await underLoad(server.port, 'counted', async () => {
      expect(await server.reload()).toEqual({ code: 0, out: 'replaced 2 replicas\n', err: '' })
      const next = await server.two(before)
      expect(await askOnKept()).toEqual(kept.map(() => [200, 'close'])) // by those that were replaced
      for (const socket of kept) socket.destroy()
      server.kill('SIGHUP')
      await server.two([...before, ...next])
    })
    expect(others).toEqual([])
    expect(redirected).toBeGreaterThan(100)
    expect((await server.create()).body.short_url).toStartWith('http://two.example/')
    await until(
      () => `every click is stored`,
      async () => (await server.clicks('counted')) >= known + redirected,
    )
    expect(await server.clicks('counted')).toBe(known + redirected)
  })

  test('stay as they are where the settings of a reload are invalid, and say why', async () => {
    const before = await server.two()
    writeFileSync(file, 'CACHE_ENTRIES=none\n')
    const { code, err } = await server.reload()
    writeFileSync(file, '')
    expect(code).toBe(1)
    expect(err).toStartWith('waypost: CACHE_ENTRIES must be a whole number')
    await server.two(before, 2)
  })
})

describe.if(isLinux)('a supervisor', () => {
  test('starts the executable that has its path now, and leaves nobody behind when it is killed', async () => {
    const folder = temporaryFolder()
    const program = join(folder, 'waypost')
    const release = join(folder, 'release')
    copyFileSync(await executable(), release)
    copyFileSync(release, program)
    const server = await startSupervised(await anyDatabase.settings(), [], program)
    await server.add('known')
    writeFileSync(`${program}.new`, `#!/bin/sh\nPUBLIC_URL=http://next.example exec ${release} "$@"\n`)
    chmodSync(`${program}.new`, 0o755)
    renameSync(`${program}.new`, program)
    expect((await server.reload()).out).toBe('replaced 2 replicas\n')
    expect((await server.create()).body.short_url).toStartWith('http://next.example/')
    const pids = server.children().map(({ pid }) => pid)
    expect(pids.length).toBeGreaterThanOrEqual(2)
    server.kill('SIGKILL')
    await until('its replicas end too', () => !pids.some(lives))
    expect(server.said()).toContain('the supervisor is dead')
  })

  test.each([
    [['--processes', '0'], 'PROCESSES must be a whole number from 1 to 64, or auto (it is "0")'],
    [['--processes', 'many'], 'PROCESSES must be a whole number from 1 to 64, or auto (it is "many")'],
    [
      ['--processes', '2'],
      'PROCESSES 2 needs ADMIN_TOKEN (or ADMIN_TOKEN_FILE): without a token, only a single process may serve',
    ],
    [
      ['--processes', '2', '--admin-token', ADMIN_TOKEN, '--port', '8080', '--advertise-url', 'http://10.0.0.5:8079'],
      'ADVERTISE_URL must name another port than PORT 8080: with 2 processes, ports 8079 to 8084 belong to one replica each',
    ],
  ])('refuses %p', async (args, sentence) => {
    const { code, err } = await runCommand(['serve', ...args], { DATA_DIR: temporaryFolder() })
    expect([code, err]).toEqual([2, `waypost: ${sentence}\n`])
  })

  test('ends with the exit code and the sentence of a replica that does not start', async () => {
    const args = ['serve', '--processes', '2', '--admin-token', ADMIN_TOKEN, '--port', String(await freePort())]
    const { code, err } = await runCommand([...args, '--seed-dir', '/nowhere'], await anyDatabase.settings())
    expect(code).toBe(2)
    expect(err).toStartWith('waypost: SEED_DIR must be a folder with ')
  })
})

describe.if(isLinux)('the embedded database of several replicas', () => {
  test('survives reloads, kills of everyone, and loses no click', async () => {
    const settings = await databases[0]!.settings()
    const server = await startSupervised(settings)
    const create = async () => (await server.create()).status
    const known = await server.add('known')

    const created: number[] = []
    const reloading = await underLoad(server.port, 'known', async () => {
      let busy = true
      const creating = (async () => {
        while (busy) created.push(await create())
      })()
      expect((await server.reload()).out).toBe('replaced 2 replicas\n')
      busy = false
      await creating
    })
    expect(reloading.others).toEqual([])
    expect(created.filter((status) => status !== 201)).toEqual([])

    const database = server.children().find(({ command }) => command.includes('\0embedded-database\0'))!.pid
    const killed = await underLoad(server.port, 'known', async () => {
      process.kill(database, 'SIGKILL')
      await until('it cannot be reached', async () => (await create()) === 503)
      await until('another process serves it', async () => (await create()) === 201)
    })
    expect(killed.others).toEqual([])

    const before = await server.two()
    process.kill(replicaOf(server), 'SIGKILL')
    await server.two(before, 1)
    const last = await underLoad(server.port, 'known', () => Bun.sleep(200))
    const pids = server.children().map(({ pid }) => pid)
    expect(pids.length).toBeGreaterThanOrEqual(3)
    server.kill('SIGKILL')
    await until('everyone ends', () => !pids.some(lives))

    const alone = await startChild({ ...settings, RATE_READ: 'off' })
    const expected = known + reloading.redirected + killed.redirected + last.redirected
    const clicks = async () => (await alone.call('GET', '/urls/known/stats')).body.clicks
    await until('every click is stored', async () => (await clicks()) >= expected)
    expect(await clicks()).toBe(expected)
    alone.kill('SIGTERM')
    expect(await alone.exited).toBe(0)
  })
})
