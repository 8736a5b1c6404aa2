// A throw-away PostgreSQL for the tests: TEST_DATABASE_URL where set, else a cluster of its own from the server binaries found here.
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type ListenOptions } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { atEnd } from './at-end.ts'
import { scratch } from './scratch.ts'
import { copyTemplate, template } from './template.ts'

export type Cluster = {
  /** URL of a database whose user may create others. */
  url: string
  /** Makes an empty database and returns its URL. */
  createDatabase: () => Promise<string>
  /** Only where the cluster is ours: stop, start, freeze it. */
  control?: { stop: (how?: 'fast' | 'immediate') => Promise<void>; start: () => Promise<void>; pid: () => number; folder: string }
  end: () => Promise<void>
}

/** The server binaries' folder, or undefined where PostgreSQL is not installed. */
export function serverBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
}

let shared: Promise<Cluster> | undefined

/** The cluster that tests share: it ends with the process. */
export const sharedCluster = () => (shared ??= openCluster())

/** A cluster of the caller's own where server binaries are there, else the one of TEST_DATABASE_URL. `through` stands before its command. */
export async function openCluster({ own = false, through = [] as string[] } = {}): Promise<Cluster> {
  if (process.env.TEST_DATABASE_URL && !own)
    return { url: process.env.TEST_DATABASE_URL, ...databasesOf(process.env.TEST_DATABASE_URL) }
  const bin = serverBinaries()
  if (!bin) throw new Error('PostgreSQL is not installed, and TEST_DATABASE_URL is not set')
  const folder = mkdtempSync(join(scratch, 'waypost-pg-'))
  const port = await freePort()
  copyTemplate(await emptyCluster(bin), folder)
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100`
  const control = {
    folder,
    async start() {
      const control = join(bin, 'pg_ctl')
      const command = [...through, control, '-D', join(folder, 'data'), '-w', '-l', join(folder, 'log'), '-o', options, 'start']
      for (let tries = 1; ; tries++)
        try {
          return await asNobody(command, folder)
        } catch (error) {
          if (tries === 10) throw error // while it was stopped, a connection of a parallel test may have taken its port
          await Bun.sleep(1_000)
        }
    },
    stop: (how = 'fast') => asNobody([join(bin, 'pg_ctl'), '-D', join(folder, 'data'), '-m', how, '-w', 'stop'], folder),
    pid: () => Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]),
  }
  await control.start()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const cleanUp = () => {
    Bun.spawnSync(prefix([join(bin, 'pg_ctl'), '-D', join(folder, 'data'), '-m', 'immediate', 'stop']), {
      stdout: 'ignore',
      stderr: 'ignore',
    })
    rmSync(folder, { recursive: true, force: true })
  }
  const calledOff = atEnd(cleanUp)
  return {
    url,
    control,
    ...databasesOf(url),
    async end() {
      calledOff()
      cleanUp()
    },
  }
}

/** A folder with `data` in it, as initdb makes it: all that are copied from it have one system identifier. */
function emptyCluster(bin: string): Promise<string> {
  const how = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync']
  return template('postgres', [bin, how, process.getuid?.(), process.env.LANG, process.env.LC_ALL], async (folder) => {
    const room = mkdtempSync(join(tmpdir(), 'waypost-pg-')) // nobody may not enter every checkout
    await asNobody([join(bin, 'initdb'), '-D', join(room, 'data'), ...how], room)
    copyTemplate(room, folder)
    rmSync(room, { recursive: true })
  })
}

function databasesOf(url: string) {
  let made = 0
  return {
    async createDatabase() {
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      const name = `waypost_test_${process.pid}_${++made}`
      await sql.unsafe(`drop database if exists ${name}`)
      await sql.unsafe(`create database ${name}`)
      await sql.end()
      const named = new URL(url)
      named.pathname = `/${name}`
      return named.href
    },
    end: async () => {},
  }
}

/** PostgreSQL refuses to run as root. */
export const prefix = (command: string[]) =>
  process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...command] : command

/** Runs one of PostgreSQL's programs as who may run it. */
export async function asNobody(command: string[], folder: string) {
  if (process.getuid?.() === 0) chownSync(folder, 65534, 65534)
  const child = Bun.spawn(prefix(command), { stdout: 'ignore', stderr: 'pipe', cwd: folder })
  if ((await child.exited) !== 0) throw new Error(`${command[0]}: ${await new Response(child.stderr).text()}`)
}

/** The postmaster and all that it started; they can be frozen, or killed as by a power cut. */
export function signalCluster(postmaster: number, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
  process.kill(postmaster, signal)
  for (const pid of children)
    try {
      process.kill(Number(pid), signal)
    } catch {
      // it has ended
    }
}

function parentOf(pid: string): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    )
  } catch {
    return 0 // it has ended
  }
}

let tried = process.pid * 101 // parallel files start at different ports

/**
 * A port of 127.0.0.1 that no test beside this one gets: this process claims it until its end, by an abstract socket of that name. It is below
 * those that the system gives to connections, of which other tests make thousands.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + (tried++ % 22_000)
    if ((await canListen({ path: `\0waypost-test-port-${port}` }, true)) && (await canListen({ port, host: '127.0.0.1' })))
      return port
  }
}

function canListen(on: ListenOptions, stay = false): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(on, () => (stay ? done(Boolean(server.unref())) : server.close(() => done(true))))
  })
}
