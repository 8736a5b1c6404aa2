// A fleet on this machine, without containers: PostgreSQL, nginx, and replicas of the built executable, from the files of deploy/.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { atEnd } from '../../test/at-end.ts'
import { freePort } from '../../test/postgres.ts'
import { startDatabase } from './database.ts'
import { executable } from './executable.ts'
import { startNginx } from './nginx.ts'
import { run } from './program.ts'
import { type Replica, replicaOn } from './replica.ts'
import { rollingRestart } from './roll.ts'

export type Cluster = Awaited<ReturnType<typeof startCluster>>

/**
 * `port`: nginx's; `dir` is kept, without it all goes at the end; `env`: settings of every replica, `each` of one of them (its number, and the
 * database's URL); `enter`: what its command begins with, where it is to run in a place of its own, with HOST its address there; `nginx`:
 * settings of deploy/nginx/render; `postgres`: settings of the database.
 */
export type Wanted = {
  port?: number
  dir?: string
  replicas?: number
  env?: Record<string, string>
  each?: (number: number, databaseUrl: string) => Promise<Record<string, string>>
  enter?: (number: number) => string[]
  nginx?: Record<string, string>
  postgres?: Record<string, string>
}

/** Resolves when nginx answers and every replica is ready, with `dir`/cluster.json written. Rejects with all stopped where something fails. */
export async function startCluster({
  port,
  dir,
  replicas: count = 3,
  env = {},
  each,
  enter = () => [],
  nginx: settings = {},
  postgres = {},
}: Wanted = {}) {
  const program = await executable()
  const folder = resolve(dir ?? mkdtempSync(join(tmpdir(), 'waypost-cluster-')))
  mkdirSync(folder, { recursive: true })
  const room = await roomForNobody(folder)
  const file = join(folder, 'cluster.json')
  rmSync(file, { force: true })
  const log = (name: string) => join(folder, `${name}.log`)
  const adminToken = env.ADMIN_TOKEN ?? Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('hex')

  const stops: (() => unknown)[] = []
  const stop = async () => {
    rmSync(file, { force: true })
    for (const end of stops.splice(0).reverse()) await end()
    calledOff()
    putAway()
  }
  const putAway = () => {
    if (room !== folder) rmSync(room, { recursive: true, force: true })
    if (!dir) rmSync(folder, { recursive: true, force: true })
  }
  const calledOff = atEnd(putAway)

  try {
    const database = await startDatabase(join(room, 'postgres'), log('postgres'), postgres)
    stops.push(database.stop)

    const replicas: Replica[] = []
    for (let number = 1; number <= count; number++)
      replicas.push(
        replicaOn(
          await freePort(),
          { program, enter: enter(number) },
          {
            LOG_LEVEL: 'warn',
            ...env,
            DATA_DIR: join(folder, `replica-${number}`),
            DATABASE_URL: database.url,
            ADMIN_TOKEN: adminToken,
            TRUSTED_PROXIES: '1',
            HOST: '127.0.0.1',
            ...(await each?.(number, database.url)),
          },
          log(`replica-${number}`),
          () => existsSync(file) && tell(),
        ),
      )
    stops.push(() => Promise.all(replicas.map((replica) => replica.stop())))
    await Promise.all(replicas.map((replica) => replica.start()))

    const ports = replicas.map((replica) => replica.port)
    const hosts = replicas.map((replica) => replica.host)
    const nginx = await startNginx(join(room, 'nginx'), port ?? (await freePort()), ports, settings, hosts)
    stops.push(nginx.stop)

    const tell = () => {
      const told = replicas.map(({ url, pid }) => ({ url, pid }))
      const text = JSON.stringify({ nginx: nginx.url, database: database.url, adminToken, replicas: told }, null, 2)
      writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    }
    tell()

    return {
      nginx: nginx.url,
      nginxLog: nginx.log,
      database: database.url,
      adminToken,
      replicas,
      folder,
      /** Of its own: to stop, start, kill or freeze it. */
      postgres: database,
      mark: (how: 'down' | 'up', replica: Replica) => nginx.mark(how, replica.port),
      /** Lets nginx read its configuration again. */
      reload: nginx.reload,
      /** Restarts every replica, one after another, without a failed request. */
      roll: () => rollingRestart(replicas, nginx),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Where nobody may work, as root's PostgreSQL and nginx do: `folder`, or where he cannot enter that, one that goes at the end. */
async function roomForNobody(folder: string): Promise<string> {
  if (process.getuid?.() !== 0) return folder
  chmodSync(folder, 0o711)
  const entered = await run(['ls', '-d', join(folder, '.')], { nobody: true }).catch(() => undefined)
  if (entered) return folder
  const room = mkdtempSync(join(tmpdir(), 'waypost-cluster-'))
  chmodSync(room, 0o711)
  return room
}
