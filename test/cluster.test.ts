// A fleet as `bun run cluster` starts it: real nginx with the template of deploy/nginx, a real PostgreSQL, three replicas of the built executable.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { YAML } from 'bun'
import { type Cluster, startCluster } from '../deploy/cluster/cluster.ts'
import { type Nginx, nginxProgram, startNginx } from '../deploy/cluster/nginx.ts'
import { run, until } from '../deploy/cluster/program.ts'
import { atEnd } from './at-end.ts'
import { runCommand } from './child.ts'
import { freePort, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { exchange } from './wire.ts'

const missing = [!nginxProgram() && 'nginx', !serverBinaries() && 'PostgreSQL'].filter(Boolean)
if (missing.length > 0) console.warn(`SKIPPED: test/cluster.test.ts (${missing.join(' and ')} not installed)`)

const deploy = join(import.meta.dir, '../deploy')
const CHAOS_TOKEN = 'a-token-for-the-drill'
const UNLIMITED = { RATE_CREATE: 'off', RATE_READ: 'off', RATE_UNKNOWN: 'off' }

test('containers fill in the same template as deploy/nginx/render does', async () => {
  const compose = YAML.parse(await Bun.file(join(deploy, '../docker-compose.yml')).text()) as any
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries<string>(compose.services.nginx.environment))
    env[name] = value.replace(/^\$\{\w+:-(.*)\}$/, '$1').replaceAll('$$', '$')
  const template = await Bun.file(join(deploy, 'nginx/waypost.conf.template')).text()
  const filled = template.replace(/\$\{(\w+)\}/g, (asIs, name) => env[name] ?? asIs)
  expect(filled).not.toContain('${')
  expect(filled).toBe(await run([join(deploy, 'nginx/render')], { env: { UPSTREAM_SERVERS: env.UPSTREAM_SERVERS! } }))
})

test.each([1, 3, 7])('REPLICAS=%p is how many render writes, each with its mark', async (count) => {
  const text = await run([join(deploy, 'nginx/render')], { env: { REPLICAS: String(count) } })
  const first = /upstream waypost \{[^}]*\}/.exec(text)![0]
  expect([...first.match(/127\.0\.0\.1:808\d/g)!]).toEqual(Array.from({ length: count }, (_, n) => `127.0.0.1:${8081 + n}`))
  expect((text.match(/upstream waypost_without/g) ?? []).length).toBe(count === 1 ? 0 : count)
  expect((text.match(/if \(-f /g) ?? []).length).toBe(count === 1 ? 0 : count)
})

describe.skipIf(missing.length > 0)('a fleet', () => {
  const folder = temporaryFolder()
  const told = join(folder, 'cluster.json')
  const open: { stop: () => unknown }[] = []
  let cluster: Cluster
  let bearer: Record<string, string>
  let code: string
  let late: Promise<Response>

  /** Another nginx, in front of other ports or with other settings. */
  async function nginxOn(ports: number[], settings: Record<string, string> = {}): Promise<Nginx> {
    const nginx = await startNginx(temporaryFolder(), await freePort(), ports, settings)
    open.push(nginx)
    return nginx
  }

  async function silentPort(): Promise<number> {
    const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    open.push(listener)
    return listener.port
  }

  const ask = (base: string, path: string, headers: Record<string, string> = bearer) =>
    fetch(base + path, { headers, redirect: 'manual' })

  const shorten = () =>
    fetch(`${cluster.nginx}/shorten`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: '{"url":"https://example.com/a/page"}',
    })

  /** Sends requests on `users` connections, one after another, while `work` runs. Returns the wrong answers. */
  async function askDuring(users: number, ways: (() => Promise<Response>)[], work: () => Promise<unknown>) {
    const failed: string[] = []
    let answered = 0
    let busy = true
    const user = async (_: unknown, number: number) => {
      for (let turn = number; busy; turn++) {
        const said = await ways[turn % ways.length]!().then(
          async (response) => ({ ok: response.status < 400, text: `${response.status} ${await response.text()}` }),
          (error) => ({ ok: false, text: String(error) }),
        )
        if (said.ok) answered++
        else failed.push(said.text)
        await Bun.sleep(10)
      }
    }
    const load = Promise.all(Array.from({ length: users }, user))
    await work().finally(() => (busy = false))
    await load
    return { answered, failed }
  }

  beforeAll(async () => {
    cluster = await startCluster({ dir: folder, env: { CHAOS_TOKEN, DRAIN_WAIT: '0', ...UNLIMITED } })
    atEnd(() => cluster.replicas.forEach((replica) => replica.kill('SIGKILL')))
    bearer = { authorization: `Bearer ${cluster.adminToken}` }
    code = ((await (await shorten()).json()) as { short_code: string }).short_code
    const slow = await nginxOn([await silentPort()])
    late = fetch(`${slow.url}/${code}`, { redirect: 'manual' }) // six seconds, while the others run
  })

  afterAll(async () => {
    await cluster?.stop()
    for (const one of open) await one.stop()
  })

  test('a drill with --kill waits until a fleet that has just started reports its replicas', async () => {
    const open = await nginxOn(
      cluster.replicas.map(({ port }) => port),
      { OPERATORS: 'allow all;' },
    )
    const tokens = { ADMIN_TOKEN: cluster.adminToken, CHAOS_TOKEN }
    const { out, err } = await runCommand(['drill', 'survive', open.url, '--seconds', '1', '--kill'], tokens)
    expect(err).toBe('')
    expect(out).toMatch(/^kill +[1-9]\d* +0 /m)
    const killed = out.match(/^breaking (\S+) /m)![1]
    const replica = cluster.replicas.find(({ url }) => url === killed)!
    expect(await replica.exited()).toBe(75)
    await replica.start()
  })

  test('cluster.json says where everything is, to its owner alone', async () => {
    const { nginx, database, adminToken } = cluster
    expect(await Bun.file(told).json()).toEqual({
      nginx,
      database,
      adminToken,
      replicas: cluster.replicas.map(({ url, pid }) => ({ url, pid })),
    })
    expect(statSync(told).mode & 0o777).toBe(0o600)
  })

  test('every replica answers through nginx, and Location comes to the letter', async () => {
    const before = await Promise.all(cluster.replicas.map(({ url }) => redirectsOf(url)))
    for (let n = 0; n < 12; n++)
      expect((await ask(cluster.nginx, `/${code}`)).headers.get('location')).toBe('https://example.com/a/page')
    const after = await Promise.all(cluster.replicas.map(({ url }) => redirectsOf(url)))
    expect(after.map((count, n) => count > before[n]!)).toEqual([true, true, true])
  })

  async function redirectsOf(url: string): Promise<number> {
    const text = await (await ask(url, '/metrics')).text()
    return Number(/^waypost_http_requests_total\{method="GET",route="\/:code",status="302"\} (\d+)/m.exec(text)?.[1] ?? 0)
  }

  describe('what operators need', () => {
    const CLOSED = /^\/(metrics|prometheus|logs|chaos|alert-status|api)(\/|$)/

    test('is closed by default, and nothing else is', async () => {
      const { paths } = (await (await ask(cluster.nginx, '/openapi.json')).json()) as { paths: Record<string, unknown> }
      const pages = ['/console', '/dashboard', '/', '/swagger', '/robots.txt', '/health', '/ready']
      const found: Record<string, boolean> = {}
      const expected: Record<string, boolean> = {}
      for (const path of [...Object.keys(paths), ...pages]) {
        const { status, headers } = await fetch(cluster.nginx + path.replace(/\{\w+\}/g, '1'), {
          method: 'OPTIONS', // nothing is done, and each route says so in its own way
          headers: bearer,
        })
        found[path] = status === 403 && headers.get('server') === 'nginx' && !headers.has('x-content-type-options')
        expected[path] = CLOSED.test(path) || path === '/console' || path === '/dashboard'
      }
      expect(found).toEqual(expected)
      expect(Object.values(found).filter(Boolean).length).toBeGreaterThan(15)
    })

    test('says so in JSON', async () => {
      const answer = await ask(cluster.nginx, '/metrics')
      expect(answer.status).toBe(403)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(await answer.json()).toEqual({ error: expect.stringContaining('for operators'), request_id: expect.any(String) })
    })

    test.each([
      '/metrics/',
      '/metrics?x=1',
      '//metrics',
      '/./metrics',
      '/%6Detrics',
      '/health/../metrics',
      '/health/%2e%2e/metrics',
      '/health/.%2E/metrics',
      '/health/..%2Fmetrics',
      '/health\\..\\metrics',
      '\\metrics',
      '/metrics#x',
      '/metrics%23',
      '/metrics;x',
      'http://127.0.0.1/metrics',
      'http://other.example/metrics',
    ])('is not reached as %s', async (path) => {
      const { port } = new URL(cluster.nginx)
      const { status, text } = await exchange(
        Number(port),
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${cluster.adminToken}\r\nConnection: close\r\n\r\n`,
      )
      expect(status).toBeGreaterThanOrEqual(400)
      expect(text).not.toContain('waypost_http_requests_total')
    })

    test('OPERATORS opens it', async () => {
      const nginx = await nginxOn([cluster.replicas[0]!.port], { OPERATORS: 'allow 127.0.0.0/8; deny all;' })
      expect((await ask(nginx.url, '/metrics')).status).toBe(200)
    })
  })

  describe('what replicas learn about a visitor', () => {
    const claims = {
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      'x-real-ip': '203.0.113.8',
      forwarded: 'for=203.0.113.9',
    }
    const told = async (nginx: Nginx, headers: Record<string, string>) => {
      const { caller } = (await (await ask(nginx.url, '/api/config', { ...bearer, ...headers })).json()) as any
      const made = await fetch(`${nginx.url}/shorten`, {
        method: 'POST',
        headers: { ...bearer, ...headers, 'content-type': 'application/json' },
        body: '{"url":"https://example.com/"}',
      })
      const { short_url, short_code } = (await made.json()) as any
      return { address: caller.address, forwarded_for: caller.forwarded_for, base: short_url.replace(`/${short_code}`, '') }
    }
    const ports = () => cluster.replicas.map(({ port }) => port)

    test('is not what he claims', async () => {
      const nginx = await nginxOn(ports(), { OPERATORS: 'allow all;' })
      expect(await told(nginx, claims)).toEqual({ address: '127.0.0.1', forwarded_for: '127.0.0.1', base: nginx.url })
    })

    test('is what a trusted front says: the last address, and https', async () => {
      const nginx = await nginxOn(ports(), { OPERATORS: 'allow all;', TRUSTED_FRONT: 'set_real_ip_from 127.0.0.1;' })
      const headers = { ...claims, 'x-forwarded-for': '198.51.100.1, 203.0.113.7', host: 'go.example.com' }
      expect(await told(nginx, headers)).toEqual({
        address: '203.0.113.7',
        forwarded_for: '203.0.113.7',
        base: 'https://go.example.com',
      })
      const fromItself = { ...headers, 'x-forwarded-for': '127.0.0.1' }
      expect(await told(nginx, fromItself)).toMatchObject({ address: '127.0.0.1', base: 'https://go.example.com' })
      expect((await told(nginx, { host: 'go.example.com' })).base).toBe('http://go.example.com')
    })

    test('PUBLIC_HOST goes before the Host that he sent', async () => {
      const nginx = await nginxOn(ports(), { OPERATORS: 'allow all;', PUBLIC_HOST: 'go.example.com' })
      expect((await told(nginx, { host: 'evil.example' })).base).toBe('http://go.example.com')
    })

    test.each(['', 'a b', 'x/y', 'a"b', 'go.example.com:999999'])('the Host %p is refused as JSON', async (host) => {
      const { port } = new URL(cluster.nginx)
      const answer = await exchange(Number(port), `GET /users HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ error: expect.any(String) })
    })
  })

  test('TLS by deploy/nginx/tls.conf: replicas hear of https', async () => {
    const dir = temporaryFolder()
    const files = ['-keyout', join(dir, 'privkey.pem'), '-out', join(dir, 'fullchain.pem')]
    await run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=go.example.com', ...files])
    const recipe = await Bun.file(join(deploy, 'nginx/tls.conf')).text()
    await Bun.write(join(dir, 'tls.conf'), recipe.replaceAll('/etc/letsencrypt/live/go.example.com', dir))
    const port = await freePort()
    const listen = { LISTEN: `127.0.0.1:${port} ssl; include ${dir}/tls.conf` }
    open.push(await startNginx(temporaryFolder(), port, [cluster.replicas[0]!.port], listen))
    const made = await fetch(`https://127.0.0.1:${port}/shorten`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: '{"url":"https://example.com/"}',
      tls: { rejectUnauthorized: false },
    })
    expect(((await made.json()) as any).short_url).toStartWith(`https://127.0.0.1:${port}/`)
    const plain = await fetch(`http://127.0.0.1:${port}/`)
    expect([plain.status, plain.headers.get('content-type')]).toEqual([400, 'application/json'])
  })

  describe('errors', () => {
    const shape = (error: string) => ({ error: expect.stringContaining(error), request_id: expect.any(String) })

    test('of nginx itself are JSON: 404, 413, 502', async () => {
      const nowhere = await nginxOn([await freePort(), await freePort()])
      const big = { method: 'POST', body: 'x'.repeat(2.5 * 1024 ** 2), headers: bearer }
      for (const [answer, status, error] of [
        [await ask(cluster.nginx, '/.problem'), 404, 'not found'],
        [await fetch(`${cluster.nginx}/urls`, big), 413, 'too large'],
        [await ask(nowhere.url, `/${code}`), 502, 'no replica could be reached'],
        [await fetch(`${nowhere.url}/urls`, { method: 'POST', body: '{}' }), 502, 'no replica could be reached'],
      ] as const) {
        expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json'])
        expect(await answer.json()).toEqual(shape(error))
        expect(answer.headers.get('retry-after')).toBe(status === 502 ? '1' : null)
      }
    })

    test('of a replica pass through as they are', async () => {
      const answer = await ask(cluster.nginx, '/nosuchcode')
      expect(answer.status).toBe(404)
      expect(await answer.json()).toMatchObject({ error: 'URL not found' })
      expect((await ask(cluster.nginx, '/users', {})).status).toBe(401)
    })

    test('a replica that lost its database is asked again elsewhere, for reads; it is not taken for dead', async () => {
      const [first] = cluster.replicas
      const fault = (method: string) =>
        fetch(`${first!.url}/chaos`, {
          method,
          headers: { 'x-chaos-token': CHAOS_TOKEN, 'content-type': 'application/json' },
          body: method === 'POST' ? '{"fault":"database","duration":60}' : undefined,
        })
      await fault('POST')
      await until('it says 503', async () => (await ask(first!.url, '/urls')).status === 503)
      const before = await redirectsOf(first!.url)
      const statuses: number[] = []
      for (let n = 0; n < 9; n++)
        statuses.push((await ask(cluster.nginx, '/urls')).status, (await ask(cluster.nginx, `/none-${n}`)).status)
      expect(statuses).toEqual(Array.from({ length: 9 }, () => [200, 404]).flat())
      for (let n = 0; n < 9; n++) expect((await ask(cluster.nginx, `/${code}`)).status).toBe(302)
      expect(await redirectsOf(first!.url)).toBeGreaterThan(before)
      const writes = await Promise.all([shorten(), shorten(), shorten()])
      const refused = writes.find(({ status }) => status === 503)
      expect(await refused?.json()).toMatchObject({ error: expect.stringContaining('database') }) // its own words
      await fault('DELETE')
      await until('it is back', async () => (await ask(first!.url, '/urls')).status === 200)
    })
  })

  test.each(['/logs', '/api/overview/stream'])('events of %s arrive while the stream is open', async (path) => {
    const nginx = await nginxOn([cluster.replicas[1]!.port], { OPERATORS: 'allow all;' })
    const stream = await ask(nginx.url, path, { ...bearer, accept: 'text/event-stream' })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('data: ')) {
      await ask(nginx.url, '/users/999999') // a line of the log
      const { value, done } = await reader.read()
      expect(done).toBe(false)
      text += value
    }
    await reader.cancel()
  })

  test('kill -9 of one replica under load, and its return, fail no GET', async () => {
    const victim = cluster.replicas[2]!
    const pid = victim.pid
    const gets = [`/${code}`, '/urls?per_page=5', '/health'].map((path) => () => ask(cluster.nginx, path))
    const { answered, failed } = await askDuring(16, gets, async () => {
      await Bun.sleep(300)
      victim.kill('SIGKILL')
      await victim.exited()
      await Bun.sleep(700)
      await victim.start()
      await Bun.sleep(500)
    })
    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(200)
    expect(victim.pid).not.toBe(pid)
  })

  test('a rolling restart under load fails no request, writes among them', async () => {
    const before = cluster.replicas.map(({ pid }) => pid)
    const ways = [() => ask(cluster.nginx, `/${code}`), shorten, () => ask(cluster.nginx, '/urls?per_page=5')]
    const { answered, failed } = await askDuring(16, ways, cluster.roll)
    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(200)
    const now = cluster.replicas.map(({ pid }) => pid)
    expect(now.filter((pid) => before.includes(pid))).toEqual([])
    expect(((await Bun.file(told).json()) as { replicas: { pid: number }[] }).replicas.map(({ pid }) => pid)).toEqual(now)
  })

  test('a replica that is marked down gets no request, and no second one may be marked', async () => {
    const [first, second] = cluster.replicas as [Cluster['replicas'][number], Cluster['replicas'][number]]
    await cluster.mark('down', first)
    const before = await redirectsOf(first.url)
    for (let n = 0; n < 9; n++) expect((await ask(cluster.nginx, `/${code}`)).status).toBe(302)
    expect(await redirectsOf(first.url)).toBe(before)
    expect(cluster.mark('down', second)).rejects.toThrow(`${first.port} is marked down already`)
    await cluster.mark('up', first)
    for (let n = 0; n < 9; n++) await ask(cluster.nginx, `/${code}`)
    expect(await redirectsOf(first.url)).toBeGreaterThan(before)
  })

  test('a 504 of nginx is JSON', async () => {
    const answer = await late
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([504, '1'])
    expect(await answer.json()).toEqual({ error: 'no replica answered in time', request_id: expect.any(String) })
  })

  test('bun run cluster ends all that it started at SIGTERM', async () => {
    const dir = temporaryFolder()
    const port = await freePort()
    const child = Bun.spawn(
      [process.execPath, '--no-env-file', join(deploy, 'cluster/run.ts'), '--port', `${port}`, '--dir', dir],
      {
        env: { PATH: process.env.PATH!, REPLICAS: '1' },
        stdout: 'ignore',
        stderr: 'inherit',
      },
    )
    atEnd(() => child.kill(9))
    await until('it runs', () => existsSync(join(dir, 'cluster.json')))
    const { nginx, replicas } = (await Bun.file(join(dir, 'cluster.json')).json()) as Pick<Cluster, 'nginx' | 'replicas'>
    expect(nginx).toBe(`http://127.0.0.1:${port}`)
    expect((await ask(nginx, '/ready', {})).status).toBe(200)
    expect(replicas.length).toBe(1)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(existsSync(join(dir, 'cluster.json'))).toBe(false)
    expect(runs(dir)).toBe(false)
    expect(existsSync(`/proc/${replicas[0]!.pid}`)).toBe(false)
  })

  test('what it started ends with it, also where it is killed', async () => {
    const script = `
      const { startProgram } = await import(${JSON.stringify(join(deploy, 'cluster/program.ts'))})
      console.log(startProgram(['sleep', '1000'], { log: '/dev/null' }).pid)
      await Bun.sleep(1_000_000)`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
    const { value } = await child.stdout.getReader().read()
    const pid = Number(new TextDecoder().decode(value))
    const lives = () => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    expect(lives()).toBe(true)
    child.kill(9)
    await until('it ended', () => !lives())
  })
})

/** Whether a process has this word in its command line. */
const runs = (word: string) =>
  readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word)
    } catch {
      return false // it ended
    }
  })
