// Two PostgreSQL servers for the tests: a primary, and a standby that confirms every commit; they can change places.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { atEnd } from './at-end.ts'
import { asNobody, freePort, openCluster, prefix, serverBinaries, signalCluster } from './postgres.ts'

export type Server = {
  port: number
  /** To the postmaster and all that it started. */
  signal: (signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') => void
  promote: () => Promise<void>
  /** Becomes a standby of `leader`, whatever it was before. */
  follow: (leader: Server) => Promise<void>
}

export async function openPair() {
  const cluster = await openCluster({ own: true })
  const { folder } = cluster.control!
  const first = serverIn(join(folder, 'data'), Number(new URL(cluster.url).port), folder)
  const second = serverIn(join(folder, 'second'), await freePort(), folder)
  const calledOff = atEnd(second.stop)
  await second.follow(first)
  return {
    first: first as Server,
    second: second as Server,
    /** The URLs of a new database: on both servers, and on each alone. */
    async createDatabase() {
      const url = await cluster.createDatabase()
      const at = ({ port }: Server) => Object.assign(new URL(url), { port: String(port) }).href
      return {
        both: url.replace(`:${first.port}/`, `:${first.port},127.0.0.1:${second.port}/`),
        first: at(first),
        second: at(second),
      }
    },
    async end() {
      calledOff()
      second.stop()
      first.stop()
      await cluster.end()
    },
  }
}

function serverIn(data: string, port: number, folder: string): Server & { stop: () => void } {
  const bin = serverBinaries()!
  const pidFile = join(data, 'postmaster.pid')
  const pid = () => Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const pgctl = (...args: string[]) => [join(bin, 'pg_ctl'), '-D', data, '-w', ...args]
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100`

  function stop() {
    if (!existsSync(pidFile)) return
    try {
      signalCluster(pid(), 'SIGCONT')
    } catch {
      return // it was killed
    }
    Bun.spawnSync(prefix(pgctl('-m', 'immediate', 'stop')), { stdout: 'ignore', stderr: 'ignore' })
  }

  return {
    port,
    stop,
    signal: (signal) => signalCluster(pid(), signal),
    promote: () => asNobody(pgctl('promote'), folder),
    async follow(leader) {
      stop()
      rmSync(data, { recursive: true, force: true })
      const from = `host=127.0.0.1 port=${leader.port} user=postgres application_name=follower`
      const sql = postgres(`postgres://postgres@127.0.0.1:${leader.port}/postgres`, { max: 1, onnotice: () => {} })
      await asNobody([join(bin, 'pg_basebackup'), '-d', from, '-D', data, '-R', '-c', 'fast', '--no-sync'], folder)
      await asNobody(pgctl('-l', `${data}.log`, '-o', options, 'start'), folder)
      // Only now, so that the follower has no such setting: promoted, it would wait for a standby of its own.
      await sql`alter system set synchronous_standby_names = 'follower'`
      await sql`select pg_reload_conf()`
      while (!(await sql`select from pg_stat_replication where sync_state = 'sync'`).length) await Bun.sleep(50)
      await sql.end()
    },
  }
}
