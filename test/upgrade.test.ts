// The way from release 0.1.0 to this one and back, on one folder and one database: 0.1.0 is built from its commit and fills them, is killed with clicks
// in its journal, and this release goes on from there, also while the database is stopped; then 0.1.0 is put back.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { newestSchema } from '../src/database/migrate.ts'
import { atEnd } from './at-end.ts'
import { type Cluster, freePort, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { template } from './template.ts'

const COMMIT = '5393061'
const LINKS = 12
const CHAOS_TOKEN = 'a-chaos-token-for-the-drain'
const root = join(import.meta.dir, '..')
const now = [process.execPath, '--no-env-file', join(root, 'src/main.ts')]

const isThere = Bun.spawnSync(['git', '-C', root, 'cat-file', '-e', `${COMMIT}^{commit}`], { stderr: 'ignore' }).success
if (!isThere) console.warn(`SKIPPED: the upgrade from release 0.1.0 (its commit ${COMMIT} is not in this checkout's history)`)
if (!serverBinaries())
  console.warn('SKIPPED: the upgrade from release 0.1.0 on an external database (PostgreSQL is not installed)')

/** The executable of release 0.1.0, built once from its commit with the packages that are here. */
async function formerRelease(): Promise<string> {
  const folder = await template('release-0.1.0', [COMMIT, Bun.version], async (folder) => {
    const sources = join(folder, 'sources')
    mkdirSync(sources)
    const archive = Bun.spawn(['git', '-C', root, 'archive', COMMIT], { stdout: 'pipe' })
    const unpack = Bun.spawn(['tar', '-x', '-C', sources], { stdin: archive.stdout })
    if ((await archive.exited) + (await unpack.exited) !== 0) throw new Error('release 0.1.0 could not be unpacked')
    symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'))
    const build = Bun.spawn([process.execPath, '--no-env-file', 'build.ts'], {
      cwd: sources,
      env: { ...process.env, WAYPOST_COMMIT: COMMIT, WAYPOST_DATE: '2026-11-22T00:00:00Z' },
      stdout: 'ignore',
      stderr: 'pipe',
    })
    if ((await build.exited) !== 0)
      throw new Error(`release 0.1.0 could not be built: ${await new Response(build.stderr).text()}`)
    renameSync(join(sources, 'dist/waypost'), join(folder, 'waypost'))
    rmSync(sources, { recursive: true })
  })
  return join(folder, 'waypost')
}

/** Starts `program` and waits until /ready says `status`; undefined where it ends before. */
async function start(program: string[], settings: Record<string, string>, status = 'ready') {
  const port = await freePort()
  const child = Bun.spawn([...program, 'serve'], {
    env: {
      PORT: String(port),
      DRAIN_WAIT: '0',
      LOG_LEVEL: 'warn',
      CHAOS_TOKEN,
      RATE_CREATE: 'off',
      RATE_READ: 'off',
      RATE_UNKNOWN: 'off',
      ...settings,
    },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const calledOff = atEnd(() => child.kill(9))
  void child.exited.then(calledOff)
  const base = `http://127.0.0.1:${port}`
  let key: string | undefined
  const call = async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
    const response = await fetch(base + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...more,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: /^[{[]/.test(text) ? JSON.parse(text) : undefined }
  }
  const isReady = () =>
    call('GET', '/ready').then(
      ({ body }) => body.status === status,
      () => false,
    )
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${await new Response(child.stderr).text()}`)
    await Bun.sleep(50)
  }
  return {
    call,
    get: (path: string) => call('GET', path),
    use: (itsKey: string | undefined) => {
      key = itsKey
    },
    isReady: async () => {
      while ((await call('GET', '/ready')).body.status !== 'ready') await Bun.sleep(50)
    },
    async end(signal: 'SIGTERM' | 'SIGKILL') {
      child.kill(signal)
      return await child.exited
    },
  }
}
type Served = Awaited<ReturnType<typeof start>>

const kinds = ['embedded', ...(serverBinaries() ? ['external'] : [])] as const

describe.skipIf(!isThere)('from release 0.1.0 to this one and back,', () => {
  let former: string[]
  beforeAll(async () => {
    former = [await formerRelease()]
  }, 300_000)

  describe.each(kinds)('on the %s database:', (kind) => {
    let cluster: Cluster | undefined
    let settings: Record<string, string>
    let server: Served
    let key: string
    let team: string | undefined
    const links: { id: number; short_code: string; target: string; clicks: number }[] = []

    beforeAll(async () => {
      cluster = kind === 'external' ? await openCluster({ own: true }) : undefined
      settings = { DATA_DIR: temporaryFolder(), ...(cluster ? { DATABASE_URL: await cluster.createDatabase() } : {}) }
    })
    afterAll(async () => {
      await server?.end('SIGKILL')
      await cluster?.end()
    })

    async function begin(program: string[], status = 'ready') {
      server = await start(program, settings, status)
      server.use(key)
    }

    async function make(target: string) {
      const { status, body } = await server.call('POST', '/urls', { original_url: target })
      expect(status).toBe(201)
      links.push({ id: body.id, short_code: body.short_code, target, clicks: 0 })
    }

    /** Every link leads where it must, `times` clicks each. */
    async function follow(times: number) {
      for (const link of links)
        for (let n = 0; n < times; n++) {
          const { status, headers } = await server.get(`/${link.short_code}`)
          expect([link.short_code, status, headers.get('location')]).toEqual([link.short_code, 302, link.target])
          link.clicks++
        }
    }

    /** Every click is stored, once. */
    async function expectCounted() {
      for (const { id, clicks } of links) {
        let answer = await server.get(`/urls/${id}/stats`)
        while (answer.headers.has('x-clicks-pending') || answer.body.clicks < clicks)
          answer = await server.get(`/urls/${id}/stats`)
        expect([id, answer.body.clicks]).toEqual([id, clicks])
      }
    }

    async function expectWhole() {
      const { headers } = await server.get('/urls')
      expect(headers.get('x-total-count')).toBe(String(links.length))
      expect((await server.get('/users')).body).toMatchObject([{ username: 'ada', email: 'ada@example.com' }])
      expect((await server.get('/events?event_type=opened')).body).toMatchObject([{ details: { by: 'hand' } }])
      expect((await server.get('/events?event_type=created')).headers.get('x-total-count')).toBe(String(links.length))
      server.use('wp_wrong')
      expect((await server.get('/urls')).status).toBe(401)
      server.use(undefined)
      expect((await server.get('/urls')).status).toBe(401)
      server.use(key)
    }

    /** Leaves clicks in the journal: none of them reaches the database before the kill. */
    async function leaveClicks() {
      const chaos = { 'x-chaos-token': CHAOS_TOKEN }
      expect((await server.call('POST', '/chaos', { fault: 'freeze-drain', duration: 300 }, chaos)).status).toBe(204)
      await follow(3)
      expect(await server.end('SIGKILL')).toBe(137)
    }

    async function fill() {
      await begin(former)
      await server.call('POST', '/users', { username: 'ada', email: 'ada@example.com' })
      for (let n = 0; n < LINKS; n++) await make(`https://example.com/${n}`)
      await server.call('POST', '/events', { event_type: 'opened', url_id: links[0]!.id, details: { by: 'hand' } })
      key = (await server.call('POST', '/api/keys', { name: 'operator', scope: 'admin' })).body.key
      server.use(key)
      await follow(2)
      await expectCounted()
      await expectWhole()
      await leaveClicks()
    }

    /** Redirects, and knows the keys, also before it reaches the database. */
    async function upgrade() {
      await cluster?.control?.stop('fast')
      await begin(now, cluster ? 'degraded' : 'ready')
      await follow(1)
      expect((await server.get('/alert-status')).status).toBe(200)
      server.use('wp_wrong')
      expect((await server.get('/alert-status')).status).toBe(401)
      server.use(key)
      await cluster?.control?.start()
      await server.isReady()
    }

    async function goOn() {
      await expectWhole()
      await expectCounted()
      await make('https://example.com/made-by-this-release')
      links[1]!.target = 'https://example.com/changed'
      expect((await server.call('PUT', `/urls/${links[1]!.id}`, { original_url: links[1]!.target })).status).toBe(200)
      const { body } = await server.get('/api/keys')
      expect(body).toMatchObject([{ name: 'operator' }])
      expect((await server.call('PATCH', `/urls/${links[3]!.id}`, { tags: ['Kept'] })).status).toBe(200)
      team = (await server.call('POST', '/api/keys', { name: 'team', scope: 'write', only_tag: 'kept' })).body.key
      await follow(1)
      await leaveClicks()
    }

    async function putBack() {
      expect(newestSchema).toBeLessThanOrEqual(2) // else it would refuse: docs/decisions/0028
      await begin(former)
      server.use(team)
      expect((await server.get('/urls')).status).toBe(401) // it would ignore the tag, and let the key change every link
      server.use(key)
      await follow(1)
      await expectWhole()
      await expectCounted()
      await make('https://example.com/made-by-0.1.0-again')
      expect((await server.call('PUT', `/urls/${links[2]!.id}`, { is_active: false })).status).toBe(200)
      expect((await server.get(`/${links[2]!.short_code}`)).status).toBe(404)
      expect((await server.call('PUT', `/urls/${links[2]!.id}`, { is_active: true })).status).toBe(200)
      expect((await server.call('POST', '/users', { username: 'ben', email: 'ben@example.com' })).status).toBe(201)
      await follow(1)
      await expectCounted()
      expect(await server.end('SIGTERM')).toBe(0)
    }

    async function upgradeAgain() {
      await begin(now)
      await follow(1)
      await expectCounted()
      expect((await server.get('/users')).body.length).toBe(2)
      server.use(team)
      expect((await server.get('/urls')).body).toMatchObject([{ id: links[3]!.id, tags: ['Kept'] }])
      expect(await server.end('SIGTERM')).toBe(0)
    }

    test('every link redirects, every click is stored once, keys are known, nothing is lost', async () => {
      for (const step of [fill, upgrade, goOn, putBack, upgradeAgain]) await step()
    }, 300_000)
  })

  test.skipIf(!serverBinaries())(
    'no link gets a rule while a replica of release 0.1.0 is alive, which would ignore it',
    async () => {
      const cluster = await openCluster({ own: true })
      const DATABASE_URL = await cluster.createDatabase()
      const old = await start(former, { DATA_DIR: temporaryFolder(), DATABASE_URL })
      const here = await start(now, { DATA_DIR: temporaryFolder(), DATABASE_URL })
      try {
        const ruled = { original_url: 'https://example.com/', short_code: 'ruled', expires_in: '1d' }
        while ((await here.call('GET', '/api/fleet')).body.replicas.length < 2) await Bun.sleep(100) // until its first heartbeat
        const refused = await here.call('POST', '/urls', ruled)
        expect([refused.status, refused.body]).toEqual([
          409,
          expect.objectContaining({
            error: expect.stringMatching(/^valid_until cannot be set yet: \S+ still runs release 0\.1\.0/),
          }),
        ])
        expect((await old.call('POST', '/urls', { original_url: 'https://example.com/', short_code: 'of-0-1-0' })).status).toBe(
          201,
        )
        expect(await old.end('SIGTERM')).toBe(0)
        expect((await here.call('POST', '/urls', ruled)).status).toBe(201)
        expect((await here.get('/of-0-1-0')).status).toBe(302)
      } finally {
        await here.end('SIGKILL')
        await cluster.end()
      }
    },
  )
})
