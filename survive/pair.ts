// Two PostgreSQL servers, of which one is the primary. The other is made a synchronous standby when a failover is to come.
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Database } from '../deploy/cluster/database.ts'
import { NOBODY, type Program, run, startProgram, until } from '../deploy/cluster/program.ts'
import { serverBinaries } from '../test/postgres.ts'
import { ownConnection } from './fleet.ts'
import { signalFamily } from './processes.ts'

export type Pair = ReturnType<typeof pairOf>

/** One server of the pair. */
type Server = {
  url: string
  data: string
  lives: () => boolean
  pid: () => number
  start: () => Promise<void>
  stop: () => Promise<unknown>
  exited: () => Promise<unknown>
}

const STREAMS_WITHIN = 30_000

/** `first` runs already; the second gets `port`, and does not exist before the first failover. */
export function pairOf(first: Database, port: number, dir: string) {
  const bin = serverBinaries()!
  let [primary, other]: [Server, Server] = [first, secondServer(first.url, port, dir, bin)]

  const url = () => primary.url
  async function answers() {
    const sql = ownConnection(url(), 1)
    try {
      const [row] = await sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`
      return row!.standby === false
    } catch {
      return false
    } finally {
      await sql.end({ timeout: 1 }).catch(() => {})
    }
  }

  return {
    url,
    pid: () => primary.pid(),
    /** To the primary and every backend of it. */
    signal: (signal: NodeJS.Signals) => signalFamily(primary.pid(), signal),
    /** In order: it ends its clients. */
    halt: () => primary.stop(),
    /** Starts the primary, also where it ended by itself; resolves when it takes writes. */
    async start() {
      if (!primary.lives()) await primary.start()
      await until('the primary takes writes', answers)
    },
    lives: () => primary.lives(),
    exited: () => primary.exited(),

    /** Copies the primary to the other server, which then confirms each commit before it is answered. */
    async addStandby() {
      if (other.lives()) await other.stop()
      rmSync(other.data, { recursive: true, force: true })
      const folder = dirname(other.data)
      mkdirSync(folder, { recursive: true })
      if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY)
      const copy = [join(bin, 'pg_basebackup'), '-d', primary.url, '-D', other.data, '-R', '-c', 'fast', '-X', 'stream']
      await run(copy, { nobody: true })
      await other.start()
      const sql = ownConnection(url(), 1)
      try {
        await sql.unsafe(`alter system set synchronous_standby_names = '*'`)
        await sql`select pg_reload_conf()`
        await until(
          'the standby confirms commits',
          async () => (await sql`select from pg_stat_replication where sync_state = 'sync'`).length > 0,
          STREAMS_WITHIN,
        )
      } finally {
        await sql.end({ timeout: 1 })
      }
    },
    /** Kills the primary, and makes the standby the one that takes writes. */
    async failOver() {
      signalFamily(primary.pid(), 'SIGKILL')
      await primary.exited()
      await run([join(bin, 'pg_ctl'), '-D', other.data, '-w', 'promote'], { nobody: true })
      ;[primary, other] = [other, primary]
      await until('the standby takes writes', answers)
    },
    async stop() {
      signalFamily(primary.pid(), 'SIGCONT')
      for (const server of [other, primary]) if (server.lives()) await server.stop()
    },
  }
}

function secondServer(firstUrl: string, port: number, dir: string, bin: string): Server {
  const folder = join(dir, 'standby')
  const data = join(folder, 'data')
  const url = firstUrl.replace(/:\d+\//, `:${port}/`)
  let server: Program | undefined
  return {
    url,
    data,
    lives: () => server?.lives() ?? false,
    pid: () => server?.pid ?? 0,
    exited: async () => server?.exited,
    async start() {
      const settings = {
        port,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        max_connections: 90,
        shared_buffers: '32MB',
      }
      const command = [
        join(bin, 'postgres'),
        '-D',
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ]
      server = startProgram(command, { log: join(dir, 'standby.log'), cwd: folder, nobody: true, end: 'SIGINT' })
      await until(
        'the second server answers',
        async () => {
          const sql = ownConnection(url, 1)
          const up = await sql`select 1`.then(
            () => true,
            () => false,
          )
          await sql.end({ timeout: 1 }).catch(() => {})
          return up
        },
        STREAMS_WITHIN,
      )
    },
    stop: async () => server?.stop(),
  }
}
