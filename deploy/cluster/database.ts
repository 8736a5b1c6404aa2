// PostgreSQL, from the server programs that Debian installs. What a folder holds is used again.
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort, serverBinaries } from '../../test/postgres.ts'
import { NOBODY, type Program, run, startProgram, until } from './program.ts'

export type Database = Awaited<ReturnType<typeof startDatabase>>

const STARTS_WITHIN = 60_000 // it may have a crash to recover from

/** A database `waypost` in `folder`, reached by a password, with PostgreSQL's own `settings`. Rejects where PostgreSQL is not installed. */
export async function startDatabase(folder: string, log: string, settings: Record<string, string> = {}) {
  const bin = serverBinaries()
  if (!bin) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  mkdirSync(folder, { recursive: true })
  if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY)
  const data = join(folder, 'data')
  const secret = join(folder, 'password')
  if (!existsSync(join(data, 'PG_VERSION'))) {
    writeFileSync(secret, crypto.randomUUID(), { mode: 0o644 }) // who may enter the folder owns the database anyway
    const how = ['-U', 'waypost', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--no-sync']
    await run([join(bin, 'initdb'), '-D', data, ...how], { nobody: true })
  }
  const port = await freePort()
  const url = `postgres://waypost:${readFileSync(secret, 'utf8')}@127.0.0.1:${port}/waypost`
  let server: Program
  const start = async () => {
    const all = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: 200, ...settings }
    const command = [
      join(bin, 'postgres'),
      '-D',
      data,
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]
    server = startProgram(command, { log, cwd: folder, nobody: true, end: 'SIGINT' })
    await until(`PostgreSQL answers (${log})`, () => server.lives() && answers(url), STARTS_WITHIN)
  }
  await start()
  return {
    url,
    port,
    data,
    pid: () => server.pid,
    lives: () => server.lives(),
    exited: () => server.exited,
    start,
    stop: () => server.stop(),
    kill: (signal: NodeJS.Signals) => server.kill(signal),
  }
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url.replace(/\/waypost$/, '/postgres'), { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    const [found] = await sql`select from pg_database where datname = 'waypost'`
    if (!found) await sql`create database waypost`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}
