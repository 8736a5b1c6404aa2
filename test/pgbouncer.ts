// Debian's PgBouncer before a PostgreSQL, for the tests.
import { chownSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { freePort, prefix } from './postgres.ts'
import { scratch } from './scratch.ts'

const PROGRAM = '/usr/sbin/pgbouncer'
export const hasPgBouncer = existsSync(PROGRAM)

/** One in front of the server of `url`. `more` are lines of its configuration. Returns the same URL through it, and the way to end it. */
export async function startPgBouncer(url: string, mode: 'session' | 'transaction', more = '') {
  const { hostname, port, username, pathname } = new URL(url)
  const folder = mkdtempSync(join(scratch, 'waypost-pgbouncer-'))
  const own = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(join(folder, 'users'), `"${username}" ""\n`)
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users')}
admin_users = ${username}
pool_mode = ${mode}
default_pool_size = ${mode === 'session' ? 60 : 5}
max_client_conn = 100
logfile = ${join(folder, 'log')}
${more}
`,
  )
  if (process.getuid?.() === 0) for (const one of [folder, file, join(folder, 'users')]) chownSync(one, 65534, 65534)
  const child = Bun.spawn(prefix([PROGRAM, '-q', file]), { stdout: 'ignore', stderr: 'ignore' })
  const calledOff = atEnd(() => child.kill(9))
  const at = `postgres://${username}@127.0.0.1:${own}${pathname}`
  while (!(await isListening(own))) {
    if (child.exitCode !== null)
      throw new Error(`pgbouncer ended with ${child.exitCode}: ${await Bun.file(join(folder, 'log')).text()}`)
    await Bun.sleep(20)
  }
  return {
    url: at,
    async end() {
      calledOff()
      child.kill(9)
      await child.exited
    },
  }
}

const isListening = (port: number) =>
  Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
    (socket) => {
      socket.end()
      return true
    },
    () => false,
  )
