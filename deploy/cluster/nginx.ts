// nginx, with the template of deploy/nginx as on any server.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { run, startProgram, until } from './program.ts'

export type Nginx = Awaited<ReturnType<typeof startNginx>>

const recipes = resolve(import.meta.dir, '../nginx')

/** The program, or undefined where it is not installed. Debian keeps it where not everybody looks. */
export const nginxProgram = () => Bun.which('nginx') ?? ['/usr/sbin/nginx'].find((path) => existsSync(path))

/** Listens on `port` of loopback for replicas on `ports`, at `hosts` where that is not loopback. `settings` are those of deploy/nginx/render. */
export async function startNginx(
  folder: string,
  port: number,
  ports: number[],
  settings: Record<string, string> = {},
  hosts: string[] = [],
) {
  const program = nginxProgram()
  if (!program) throw new Error('nginx is not installed: apt-get install nginx')
  rmSync(join(folder, 'marked'), { recursive: true, force: true })
  assertFree(port)
  for (const name of ['body', 'proxy']) mkdirSync(join(folder, name), { recursive: true })
  chmodSync(folder, 0o711)
  const file = (name: string) => join(folder, name)
  const env = { REPLICA_PORTS: ports.join(' '), LISTEN: `127.0.0.1:${port}`, MARKED: file('marked'), ...settings }
  const rendered = await run([join(recipes, 'render')], { env })
  // `render` takes replicas for this host's, as they are on a server.
  const atTheirs = (text: string, port: number, index: number) =>
    text.replaceAll(`server 127.0.0.1:${port} `, `server ${hosts[index] ?? '127.0.0.1'}:${port} `)
  writeFileSync(file('waypost.conf'), ports.reduce(atTheirs, rendered))
  writeFileSync(file('nginx.conf'), frame(folder))
  const server = startProgram([program, '-p', folder, '-e', file('error.log'), '-c', file('nginx.conf')], {
    log: file('error.log'),
    end: 'SIGQUIT',
  })
  await until(`nginx answers (${file('error.log')})`, async () => {
    if (!server.lives()) throw new Error(`nginx did not start: ${await Bun.file(file('error.log')).text()}`)
    return fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status < 600,
      () => false,
    )
  })
  return {
    url: `http://127.0.0.1:${port}`,
    pid: server.pid,
    log: file('error.log'),
    /** Passes a replica over, or asks it again; resolves when no request is on its way there any more. */
    mark: (how: 'down' | 'up', replica: number) =>
      run([join(recipes, 'mark'), how, String(replica)], { env: { MARKED: file('marked') } }),
    reload: () => server.kill('SIGHUP'),
    stop: () => server.stop(5_000),
  }
}

function assertFree(port: number) {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
  } catch {
    throw new Error(`port ${port} is in use: name another for nginx`)
  }
}

/** What a distribution's nginx.conf says around conf.d/*.conf. */
const frame = (folder: string) => `daemon off;
pid nginx.pid;
error_log ${folder}/error.log notice;
worker_processes auto;
worker_rlimit_nofile 16384;
${process.getuid?.() === 0 ? 'user nobody nogroup;' : ''}
events {
    worker_connections 4096;
}
http {
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/unused;
    uwsgi_temp_path ${folder}/unused;
    scgi_temp_path ${folder}/unused;
    include waypost.conf;
}
`
