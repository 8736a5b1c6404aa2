// The fleet that is broken: nginx, three replicas (the third behind Valkey instead of a copy of its own), a pair of PostgreSQL servers, Valkey;
// between each replica and what it needs a wire that can be cut.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { startCluster } from '../deploy/cluster/cluster.ts'
import { startProgram, until } from '../deploy/cluster/program.ts'
import { atEnd } from '../test/at-end.ts'
import { freePort } from '../test/postgres.ts'
import { pairOf } from './pair.ts'
import { smallDisk } from './small-disk.ts'
import { type Wire, wireTo } from './wire.ts'

export type Fleet = Awaited<ReturnType<typeof startFleet>>
export type Member = Fleet['members'][number]

const DATABASE_DISK = 400 // MB
const REPLICA_DISK = 256
const ON_VALKEY = 3
const ON_SMALL_DISK = 2

export async function startFleet() {
  const dir = mkdtempSync(join(tmpdir(), 'waypost-survive-'))
  const remove = () => rmSync(dir, { recursive: true, force: true })
  const calledOff = atEnd(remove) // where the suite is told to stop: the programs end with it
  const stops: (() => unknown)[] = [calledOff, remove, () => keepLogs(dir)]
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
  }
  try {
    const databaseDisks = ['postgres', 'standby']
      .map((name) => smallDisk(join(dir, name), DATABASE_DISK))
      .filter((disk) => !!disk)
    stops.push(() => databaseDisks.map((disk) => disk.unmount()))
    const replicaDisk = smallDisk(join(dir, `replica-${ON_SMALL_DISK}`), REPLICA_DISK)
    stops.push(() => replicaDisk?.unmount())
    const valkey = await startValkey(dir)
    stops.push(() => valkey?.stop())

    const wires: { database: Wire; standby: Wire; valkey: Wire | undefined }[] = []
    const standbyPort = await freePort()
    stops.push(() => wires.map((wire) => [wire.database.close(), wire.standby.close(), wire.valkey?.close()]))
    const cluster = await startCluster({
      dir: join(dir, '.'),
      nginx: { OPERATORS: 'allow all;' }, // for the console
      env: {
        RATE_CREATE: 'off',
        RATE_READ: 'off',
        CHAOS_TOKEN: crypto.randomUUID(),
        LOG_LEVEL: 'info',
        DISK_FREE_MIN: '16777216',
      },
      postgres: { max_connections: '90', shared_buffers: '32MB', max_wal_size: '64MB', min_wal_size: '32MB' },
      async each(number, url) {
        const wire = {
          database: await wireTo(Number(new URL(url).port)),
          standby: await wireTo(standbyPort),
          valkey: valkey && (await wireTo(valkey.port)),
        }
        wires.push(wire)
        const hosts = `127.0.0.1:${wire.database.port},127.0.0.1:${wire.standby.port}`
        return {
          DATABASE_URL: url.replace(/@[^/]+/, `@${hosts}`),
          ...(wire.valkey && number === ON_VALKEY
            ? { SECOND_TIER: 'valkey', REDIS_URL: `redis://127.0.0.1:${wire.valkey.port}` }
            : {}),
        }
      },
    })
    const pair = pairOf(cluster.postgres, standbyPort, dir)
    stops.push(pair.stop, cluster.stop)

    let killing = () => {}
    const members = cluster.replicas.map((replica, index) => {
      let expected = false
      const member = {
        replica,
        wire: wires[index]!,
        number: index + 1,
        /** A signal that ends it, as the suite wants it; resolves when it is gone. */
        async end(signal: 'SIGKILL' | 'SIGTERM') {
          expected = true
          killing()
          replica.kill(signal)
          await replica.exited()
        },
        /** Its supervisor's part. */
        async start(more: Record<string, string> = {}) {
          if (replica.lives()) return
          await replica.start(more)
          expected = false
        },
        /** It ended, and nobody told it to. */
        endedByItself: () => !expected && !replica.lives(),
        ask: (path: string, init: RequestInit = {}) =>
          fetch(replica.url + path, {
            redirect: 'manual',
            keepalive: false,
            signal: AbortSignal.timeout(1_500),
            ...init,
            headers: { authorization: `Bearer ${cluster.adminToken}`, ...init.headers },
          }),
      }
      return member
    })

    return {
      url: cluster.nginx,
      /** What it said so far. */
      nginxLog: async () => (await Bun.file(cluster.nginxLog).text()).split('\n'),
      token: cluster.adminToken,
      dir,
      members,
      pair,
      valkey,
      /** Empty, or undefined, where none can be mounted. */
      databaseDisks,
      replicaDisk,
      onSmallDisk: members[ON_SMALL_DISK - 1]!,
      onValkey: members[ON_VALKEY - 1]!,
      reloadNginx: cluster.reload,
      /** Called before each signal that ends a replica. */
      onKill: (listener: () => void) => void (killing = listener),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What every program said in the last run, and pictures of the console, stay in dist/survive. */
function keepLogs(dir: string) {
  const kept = resolve(import.meta.dir, '../dist/survive')
  rmSync(kept, { recursive: true, force: true })
  mkdirSync(kept, { recursive: true })
  for (const name of readdirSync(dir)) if (/\.(log|png)$/.test(name)) copyFileSync(join(dir, name), join(kept, name))
}

/** Undefined where neither Valkey nor Redis is installed. */
async function startValkey(dir: string) {
  const program = Bun.which('valkey-server') ?? Bun.which('redis-server')
  if (!program) return undefined
  const port = await freePort()
  const folder = join(dir, 'valkey')
  mkdirSync(folder)
  const command = [program, '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
  const launch = () => startProgram(command, { log: join(dir, 'valkey.log'), cwd: folder })
  let server = launch()
  await until('Valkey listens', () => listens(port))
  return {
    port,
    kill: (signal: NodeJS.Signals) => server.kill(signal),
    exited: () => server.exited,
    async start() {
      server = launch()
      await until('Valkey listens', () => listens(port))
    },
    stop: () => {
      server.kill('SIGCONT')
      return server.stop(3_000)
    },
  }
}

const listens = (port: number) =>
  Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
    (socket) => {
      socket.end()
      return true
    },
    () => false,
  )

/** The suite's own way to the database, past every wire. */
export const ownConnection = (url: string, max = 2) =>
  postgres(url, { max, connect_timeout: 3, idle_timeout: 5, onnotice: () => {}, connection: { application_name: 'survive' } })
