// The fleet that is broken: nginx, three replicas (the third behind Valkey instead of a copy of its own), a pair of PostgreSQL servers, Valkey;
// between each replica and what it needs a network that can be cut (network.ts), and a wire that can be slow, or lose what is to be lost.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { startCluster } from '../deploy/cluster/cluster.ts'
import { startProgram, until } from '../deploy/cluster/program.ts'
import { atEnd } from '../test/at-end.ts'
import { freePort } from '../test/postgres.ts'
import { type Cut, openNetwork } from './network.ts'
import { pairOf } from './pair.ts'
import { smallDisk } from './small-disk.ts'
import { type Wire, wireTo } from './wire.ts'

export type Fleet = Awaited<ReturnType<typeof startFleet>>
export type Member = Fleet['members'][number]

const DATABASE_DISK = 400 // MB
const REPLICA_DISK = 256
const REPLICAS = 3
const ON_VALKEY = 3
const ON_SMALL_DISK = 2
/** That each replica may have open, where the suite itself may: so that 10,000 connections are many. */
const DESCRIPTORS = 12_000
const soft = Bun.spawnSync(['sh', '-c', 'ulimit -n']).stdout.toString().trim()
const mayHave = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
const bounded = mayHave >= DESCRIPTORS ? ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, '--'] : []

export async function startFleet() {
  const dir = mkdtempSync(join(tmpdir(), 'waypost-survive-'))
  const remove = () => rmSync(dir, { recursive: true, force: true })
  const calledOff = atEnd(remove) // when the suite is stopped, the programs end with it
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
    const network = openNetwork(join(dir, 'network'), REPLICAS)
    stops.push(() => network?.close())
    const valkey = await startValkey(dir)
    stops.push(() => valkey?.stop())

    const wires: { database: Wire; standby: Wire; valkey: Wire | undefined }[] = []
    const standbyPort = await freePort()
    stops.push(() => wires.map((wire) => [wire.database.close(), wire.standby.close(), wire.valkey?.close()]))
    const back = network?.back ?? '127.0.0.1'
    const chaosToken = crypto.randomUUID()
    const cluster = await startCluster({
      dir: join(dir, '.'),
      replicas: REPLICAS,
      nginx: { OPERATORS: 'allow all;' }, // for the console
      env: {
        RATE_CREATE: 'off',
        RATE_READ: 'off',
        CHAOS_TOKEN: chaosToken,
        LOG_LEVEL: 'info',
        DISK_FREE_MIN: '16777216',
      },
      postgres: { max_connections: '90', shared_buffers: '32MB', max_wal_size: '64MB', min_wal_size: '32MB' },
      async each(number, url) {
        const wire = {
          database: await wireTo(Number(new URL(url).port), back),
          standby: await wireTo(standbyPort, back),
          valkey: valkey && (await wireTo(valkey.port, back)),
        }
        wires.push(wire)
        const hosts = `${back}:${wire.database.port},${back}:${wire.standby.port}`
        const place = network?.places[number - 1]
        return {
          ...(place ? { HOST: place.host } : {}),
          DATABASE_URL: url.replace(/@[^/]+/, `@${hosts}`),
          ...(wire.valkey && number === ON_VALKEY
            ? { SECOND_TIER: 'valkey', REDIS_URL: `redis://${back}:${wire.valkey.port}` }
            : {}),
        }
      },
      enter: (number) => [...(network?.places[number - 1]?.enter ?? []), ...bounded],
    })
    const pair = pairOf(cluster.postgres, standbyPort, dir)
    stops.push(pair.stop, cluster.stop)

    let killing = () => {}
    const members = cluster.replicas.map((replica, index) => {
      let expected = false
      const wire = wires[index]!
      const place = network?.places[index]
      const toDatabases = [wire.database, wire.standby]
      const member = {
        replica,
        wire,
        number: index + 1,
        /** Nothing comes from the databases any more, and nothing gets there. */
        cut(how: Cut) {
          if (place) place.cut(how)
          else for (const one of toDatabases) one.cut()
        },
        heal() {
          if (place) place.heal()
          else for (const one of toDatabases) one.heal()
        },
        /** The network forgets the connections to the databases that are open. Call the result when the databases have noticed. */
        forget() {
          const open = toDatabases.map((one) => ({ one, open: one.open() }))
          if (place) place.forget(open.flatMap((each) => each.open))
          else for (const each of open) each.one.forget(each.open)
          return () => open.forEach((each) => each.one.giveUp(each.open))
        },
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
      chaosToken,
      dir,
      members,
      pair,
      valkey,
      /** Empty, or undefined, where none can be mounted. */
      databaseDisks,
      replicaDisk,
      onSmallDisk: members[ON_SMALL_DISK - 1]!,
      onValkey: members[ON_VALKEY - 1]!,
      /** Whether replicas are cut off by a network of their own, and not by the wires. */
      ownNetwork: !!network,
      /** Nginx passes a replica over, or asks it again. */
      mark: (how: 'down' | 'up', { replica }: { replica: (typeof cluster.replicas)[number] }) => cluster.mark(how, replica),
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
