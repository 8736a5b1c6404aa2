// The embedded database: what was acknowledged survives kill -9, one process at a time has it, callers get their own rows, and a
// stuck worker is replaced.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { takeSlot } from '../src/slot/slots.ts'
import { runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { type Answer, serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const embedded = databases[0]!

describe('kill -9', () => {
  type Written = { id: number; short_code: string; title: string | null; original_url: string; is_active: boolean }

  test('under load, again and again, loses no acknowledged write', async () => {
    const settings = await embedded.settings()
    const ledger = new Map<number, Written>()
    const users = new Map<number, string>()
    const deleted: number[] = []
    /** Links whose change was asked for, but not answered: they may stand either way. */
    const open = new Set<number>()

    for (let round = 1; round <= 2; round++) {
      const server = await startChild(settings)
      let killed = false
      let acknowledged = 0
      const writer = async (name: string) => {
        for (let i = 0; !killed; i++) {
          try {
            const link = await server.call('POST', '/urls', {
              original_url: `https://example.com/${name}/${i}`,
              title: `${name} ${i}`,
            })
            if (link.status === 201) ledger.set(link.body.id, link.body)
            const { id } = link.body
            if (i % 3 === 0) {
              open.add(id)
              const { status, body } = await server.call('PATCH', `/urls/${id}`, { title: null, is_active: false })
              if (status === 200) ledger.set(id, body)
              open.delete(id)
            }
            if (i % 5 === 0) {
              const { status, body } = await server.call('POST', '/users', {
                username: `${name}-${i}`,
                email: `${name}-${i}@example.com`,
              })
              if (status === 201) users.set(body.id, body.username)
            }
            if (i % 7 === 0) {
              open.add(id)
              if ((await server.call('DELETE', `/urls/${id}`)).status === 204) {
                ledger.delete(id)
                deleted.push(id)
              }
              open.delete(id)
            }
            acknowledged++
          } catch {
            return // it was killed
          }
        }
      }
      const writers = Array.from({ length: 8 }, (_, i) => writer(`r${round}w${i}`))
      const deadline = Date.now() + 60_000
      while (acknowledged < 150 && Date.now() < deadline) await Bun.sleep(5)
      server.kill('SIGKILL')
      killed = true
      await Promise.all([server.exited, ...writers])
      expect(acknowledged).toBeGreaterThanOrEqual(150)
    }

    const server = await startChild(settings)
    const found = new Map<number, Written>()
    for (let cursor = '0'; ; ) {
      const response = await fetch(`${server.base}/urls?per_page=100&cursor=${cursor}`)
      for (const link of (await response.json()) as Written[]) found.set(link.id, link)
      const next = response.headers.get('x-next-cursor')
      if (!next) break
      cursor = next
    }
    const lost: unknown[] = []
    for (const [id, { title, original_url, short_code, is_active }] of ledger) {
      const now = found.get(id)
      const same = now && now.title === title && now.is_active === is_active
      if (
        open.has(id)
          ? now && now.short_code !== short_code
          : !same || now.original_url !== original_url || now.short_code !== short_code
      )
        lost.push({ id, now })
    }
    expect(lost).toEqual([])
    expect(deleted.filter((id) => found.has(id))).toEqual([])
    for (const [id, username] of users) expect((await server.call('GET', `/users/${id}`)).body?.username).toBe(username)
    // Every link has its `created` event: both or neither.
    for (const id of [...ledger.keys()].filter((id) => !open.has(id)).slice(-50))
      expect((await server.call('GET', `/urls/${id}/events`)).body[0]).toMatchObject({ event_type: 'created', url_id: id })
    // New ids go on behind the old ones.
    expect((await server.call('POST', '/urls', { original_url: 'https://example.com/after' })).body.id).toBeGreaterThan(
      Math.max(...ledger.keys()),
    )
    server.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  })
})

test.skipIf(!existsSync('/proc/self/smaps_rollup'))(
  'a server takes less than 200 MB after its start, without pages of files',
  async () => {
    const server = await startChild(await embedded.settings())
    const [, kilobytes] = /^Anonymous: +(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8'))!
    expect(Number(kilobytes) / 1024).toBeLessThan(200) // 275 with buffers of 128 MB
    server.kill('SIGKILL')
    await server.exited
  },
)

test('an idle server finds what a command changes', async () => {
  const settings = await embedded.settings()
  const server = await startChild(settings)
  expect((await server.call('GET', '/users')).status).toBe(200)
  expect((await runCommand(['key', 'create', 'first', '--scope', 'read'], settings)).code).toBe(0)
  await until('a key is required', async () => (await server.call('GET', '/users')).status === 401)
  server.kill('SIGKILL')
  await server.exited
})

describe('a second process', () => {
  test('on the same DATA_DIR is refused with one sentence; the first keeps running', async () => {
    const settings = await embedded.settings()
    const first = await startChild(settings)
    const { code, err } = await runCommand(['serve', '--port', '0'], settings)
    expect(code).not.toBe(0)
    expect(err.trim().split('\n')).toEqual([
      `waypost: another waypost is using ${settings.DATA_DIR}: stop it, or set another DATA_DIR`,
    ])
    expect((await first.call('GET', '/users')).status).toBe(200)
    first.kill('SIGKILL')
    await first.exited

    const next = await startChild(settings) // the kernel gave the lock back
    next.kill('SIGTERM')
    expect(await next.exited).toBe(0)
  })

  test('is refused also where lock.sqlite was removed while the first runs, or the socket with it', async () => {
    const settings = await embedded.settings()
    const first = await startChild(settings)
    const lock = join(settings.DATA_DIR!, 'lock.sqlite')
    const taken = `waypost: another waypost is using ${settings.DATA_DIR}: stop it, or set another DATA_DIR\n`
    for (const gone of [[lock], [lock, join(settings.DATA_DIR!, 'socket/.s.PGSQL.5432')]]) {
      for (const file of gone) rmSync(file, { force: true })
      const { code, err } = await runCommand(['serve', '--port', '0'], settings)
      expect([code, err]).toEqual([1, taken])
      expect((await first.call('GET', '/users')).status).toBe(200)
    }
    first.kill('SIGTERM')
    expect(await first.exited).toBe(0)
  })

  test('finds the first by its socket alone', async () => {
    const folder = (await embedded.settings()).DATA_DIR!
    mkdirSync(join(folder, 'socket'), { recursive: true })
    const listening = Bun.listen({ unix: join(folder, 'socket/.s.PGSQL.5432'), socket: { data() {} } })
    const { code, err } = await runCommand(['serve', '--port', '0'], { DATA_DIR: folder })
    listening.stop(true)
    expect([code, err]).toEqual([1, expect.stringMatching(/^waypost: another waypost is using /)])
  })

  test('takes another slot where the first slot’s lock was removed, or is no lock file', () => {
    const folder = temporaryFolder()
    const first = takeSlot(folder)
    rmSync(join(first.folder, 'lock.sqlite'))
    const second = takeSlot(folder)
    expect(second.folder).toBe(join(folder, 'replicas', '1'))
    second.release()
    writeFileSync(join(first.folder, 'lock.sqlite'), 'rubbish')
    const third = takeSlot(folder)
    expect(third.folder).toBe(join(folder, 'replicas', '1'))
    for (const slot of [third, first]) slot.release()
    const fourth = takeSlot(folder) // whose file is rubbish
    expect(fourth.folder).toBe(first.folder)
    fourth.release()
  })

  test('that seeds works through the running one', async () => {
    const settings = await embedded.settings()
    const server = await startChild(settings)
    const { code, out, err } = await runCommand(['seed', '--demo'], settings)
    expect([code, err]).toEqual([0, ''])
    const users = Number(/imported (\d+) users/.exec(out)?.[1])
    expect(users).toBeGreaterThan(0)
    const response = await fetch(`${server.base}/users`)
    expect(response.headers.get('x-total-count')).toBe(String(users))
    server.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  })
})

describe('through the socket', () => {
  let server: TestServer
  let folder: string
  beforeAll(async () => {
    server = await serveOn(embedded)
    folder = join(server.config.DATA_DIR, 'socket')
    await server.post('/users', { username: 'ada', email: 'ada@example.com' })
    await server.post('/urls', { original_url: 'https://example.com/known', short_code: 'known' })
  })
  afterAll(() => server.stop())

  const client = () => postgres({ host: folder, database: 'postgres', username: 'postgres', max: 1, onnotice: () => {} })

  test('only its owner gets there', () => {
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  test('every caller gets its own rows, while the server is under load', async () => {
    const clients = [client(), client(), client()]
    let busy = true
    const wrong: unknown[] = []
    const load = Array.from({ length: 6 }, async (_, n) => {
      for (let i = 0; busy; i++) {
        const made = await server.post('/urls', { original_url: `https://example.com/${n}/${i}`, title: `${n}/${i}` })
        const read = await server.get(`/urls/${made.body.id}`)
        if (read.body.title !== `${n}/${i}` || read.body.id !== made.body.id) wrong.push(read.body)
        const user = await server.get('/users/1')
        if (user.body.username !== 'ada') wrong.push(user.body)
      }
    })
    try {
      const answers = await Promise.all(
        clients.flatMap((sql, c) =>
          Array.from({ length: 600 }, async (_, i) => {
            const own = `${c}:${i}`
            if (i % 3 === 0) {
              const rows = await sql`select ${own}::text as own, n from generate_series(1, ${(i % 50) + 1}) n`
              return rows.length === (i % 50) + 1 && rows.every((row) => row.own === own)
            }
            if (i % 3 === 1)
              return sql.begin(async (sql) => {
                await sql`select set_config('waypost.own', ${own}, true)`
                const [row] = await sql`select current_setting('waypost.own') as own`
                return row!.own === own
              })
            const error = await sql`select ${own}::text || ${i}::int / 0`.catch((error) => error)
            return error.code === '22012' // and not another's rows
          }),
        ),
      )
      expect(answers.filter((right) => !right)).toEqual([])
      expect(answers).toHaveLength(1_800)
    } finally {
      busy = false
      await Promise.all(load)
      await Promise.all(clients.map((sql) => sql.end({ timeout: 5 })))
    }
    expect(wrong).toEqual([])
  })

  test('a client that vanishes in the middle of a transaction delays nobody', async () => {
    const sql = client()
    const hanging = sql
      .begin(async (sql) => {
        await sql`insert into users (username, email) values ('ghost', 'ghost@example.com')`
        await Bun.sleep(200)
        await sql.unsafe('select 1')
        throw new Error('gone')
      })
      .catch(() => {})
    await Bun.sleep(100)
    await sql.end({ timeout: 0 })
    await hanging
    const answer = await Promise.race([server.get('/users?username=ghost'), Bun.sleep(10_000)])
    expect(answer).toMatchObject({ status: 200, body: [] })
  })

  test('a click whose storing was answered too late is stored once', async () => {
    expect((await server.get('/known')).status).toBe(302)
    const { clicks } = (await server.settled('/urls/known/stats')).body
    const sql = client()
    const holding = sql.begin(async (sql) => {
      await sql`select 1`
      await Bun.sleep(6_500) // longer than the deadline of a query, so that its sender gives it up while it still waits to run
      await sql`select 1`
    })
    await Bun.sleep(100)
    for (let i = 0; i < 3; i++) expect((await server.get('/known')).status).toBe(302)
    await holding
    await sql.end({ timeout: 1 })
    const isStored = async () => (await server.get('/metrics')).text.includes('\nwaypost_clicks_backlog 0\n')
    await until('all are stored', isStored)
    expect((await server.get('/known')).status).toBe(302) // stored after a second copy of those before
    expect((await server.settled('/urls/known/stats')).body.clicks).toBe(clicks + 4)
  })

  test('a statement that does not end is ended with its worker, and the server recovers with all its data', async () => {
    const sql = client()
    const stuck = sql`select count(*) from generate_series(1, 100000000000)`.then(
      () => 'ended by itself',
      () => 'cut off',
    )
    let refused: Answer | undefined
    await until('it runs', async () => (refused = await server.get('/users/1')).status === 503)
    expect(refused!.headers.get('retry-after')).toBe('1')
    expect((await server.get('/known')).status).toBeOneOf([302, 503])
    expect((await server.get('/health')).status).toBe(200)

    await until('it answers', async () => (await server.get('/users/1')).status === 200)
    expect(await server.get('/users/1')).toMatchObject({ status: 200, body: { username: 'ada' } })
    expect(await stuck).toBe('cut off')
    await sql.end({ timeout: 1 })
    expect(server.ring.read({ limit: 200, filter: 'restarting the embedded database' })).toHaveLength(1)
    expect((await server.post('/urls', { original_url: 'https://example.com/after' })).status).toBe(201)
    expect((await server.get('/known')).status).toBe(302)
    expect((await server.get('/ready')).body.status).toBe('ready')
  })
})
