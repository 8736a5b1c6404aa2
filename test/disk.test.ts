// A file system that is full for real: a small tmpfs as DATA_DIR, filled, and given room again.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { atEnd } from './at-end.ts'
import { type Child, startChild } from './child.ts'
import { databases } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { copyTemplate } from './template.ts'
import { until } from './until.ts'

const mount = (...args: string[]) => Bun.spawnSync(['mount', ...args]).exitCode === 0

function mountable(): boolean {
  const folder = temporaryFolder()
  if (!mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder)) return false
  Bun.spawnSync(['umount', folder])
  return true
}

const possible = Boolean(serverBinaries()) && mountable()
if (!possible) console.warn('SKIPPED: a full disk (it needs PostgreSQL and the right to mount a tmpfs)')

describe.skipIf(!possible)('on a file system that is full', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
  })
  afterAll(() => cluster.end())

  function disk(megabytes: number) {
    const folder = temporaryFolder()
    mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder)
    const unmount = atEnd(() => Bun.spawnSync(['umount', '-l', folder]))
    const filler = join(folder, 'filler')
    return {
      folder,
      grow: (to: number) => mount('-o', `remount,size=${to}m`, folder),
      fill() {
        const file = openSync(filler, 'a')
        try {
          for (const size of [65_536, 512]) while (room(file, size));
        } finally {
          closeSync(file)
        }
      },
      empty: () => rmSync(filler),
      unmount() {
        unmount()
        Bun.spawnSync(['umount', '-l', folder])
      },
    }
  }

  const room = (file: number, size: number) => {
    try {
      return writeSync(file, Buffer.alloc(size)) === size
    } catch {
      return false
    }
  }

  async function serve(folder: string, url: string) {
    const child = await startChild({
      DATABASE_URL: url,
      DATA_DIR: folder,
      AUTH: 'off',
      LOG_LEVEL: 'fatal',
      DISK_FREE_MIN: '20000000',
    })
    const metric = async (name: string) =>
      Number(
        new RegExp(`^waypost_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(await (await fetch(`${child.base}/metrics`)).text())![1],
      )
    return {
      ...child,
      figure: (name: string) => metric(`clicks_${name}`),
      /** How many changes it has read from the feed. */
      changes: () => metric('changes_applied_total'),
      make: async (original_url: string) =>
        (await child.call('POST', '/urls', { original_url })).body as { id: number; short_code: string },
      /** How many of `count` redirects got 302. */
      async redirects(code: string, count: number) {
        let ok = 0
        for (let n = 0; n < count; n += 100) {
          const answers = await Promise.all(
            Array.from({ length: 100 }, () =>
              fetch(`${child.base}/${code}`, { redirect: 'manual', headers: { 'user-agent': 'x'.repeat(400) } }),
            ),
          )
          ok += answers.filter(({ status }) => status === 302).length
        }
        return ok
      },
      state: async (alert: string) => (await child.call('GET', '/alert-status')).body[alert].state as string,
      stored: async (id: number) => (await child.call('GET', `/urls/${id}/stats`)).body.clicks as number,
      async end() {
        child.kill('SIGTERM')
        await child.exited
      },
    }
  }

  test('redirects keep working, drops are counted, their alert fires in addition to the disk’s, and with room again clicks are recorded without a restart', async () => {
    const { folder, grow, unmount } = disk(10) // the first segment, of 4 MB, and not the second, of 16
    const server = await serve(folder, await cluster.createDatabase())
    const link = await server.make('https://example.com/full')
    await until('no second segment', async () => (await server.figure('journal_full')) === 1)
    expect(await server.state('clicks_dropped')).toBe('ok')
    expect(await server.redirects(link.short_code, 12_000)).toBe(12_000)
    const dropped = await server.figure('dropped_total')
    expect(dropped).toBeGreaterThan(0)
    expect((await server.figure('recorded_total')) + dropped).toBe(12_000)
    const alerts = (await server.call('GET', '/alert-status')).body as Record<string, { state: string }>
    expect(Object.keys(alerts).filter((name) => alerts[name]!.state === 'firing')).toEqual(['clicks_dropped', 'disk_space'])

    grow(64)
    await until('there is a second segment', async () => (await server.figure('journal_full')) === 0)
    await until('enough is free again', async () => (await server.state('disk_space')) === 'ok')
    const before = await server.figure('dropped_total')
    expect(await server.redirects(link.short_code, 500)).toBe(500)
    expect(await server.figure('dropped_total')).toBe(before)
    await until('all are stored', async () => (await server.stored(link.id)) === 12_500 - before)
    await server.end()
    unmount()
  })

  test('in the middle of a segment nothing is lost, links can be made and changed, and all is obeyed', async () => {
    const { folder, fill, empty, unmount } = disk(10)
    const server = await serve(folder, await cluster.createDatabase())
    const link = await server.make('https://example.com/before')
    expect(await server.redirects(link.short_code, 500)).toBe(500)
    fill()
    expect(await server.redirects(link.short_code, 500)).toBe(500)
    const later = await server.make('https://example.com/later')
    expect(await server.redirects(later.short_code, 100)).toBe(100)
    expect((await server.call('PATCH', `/urls/${link.id}`, { is_active: false })).status).toBe(200)
    expect((await server.call('GET', `/${link.short_code}`)).status).toBe(404)
    for (let poll = 0; poll < 3; poll++) {
      const before = await server.changes()
      await server.make('https://example.com/next')
      await until('the feed is read', async () => (await server.changes()) > before)
    }
    expect((await server.call('GET', `/${link.short_code}`)).status).toBe(404)
    expect(await server.figure('dropped_total')).toBe(0)
    await until('all are stored', async () => (await server.stored(link.id)) + (await server.stored(later.id)) === 1_100)
    empty()
    await server.call('PATCH', `/urls/${link.id}`, { is_active: true })
    expect(await server.redirects(link.short_code, 100)).toBe(100)
    await server.end()
    unmount()
  })

  test('from the start, links redirect all the same, and clicks are kept as soon as there is room', async () => {
    const url = await cluster.createDatabase()
    const { folder, grow, unmount } = disk(3) // not even the first segment
    const server = await serve(folder, url)
    const link = await server.make('https://example.com/none')
    expect(await server.redirects(link.short_code, 200)).toBe(200)
    expect([await server.figure('dropped_total'), await server.state('clicks_dropped')]).toEqual([200, 'firing'])
    grow(64)
    await until('there is a segment', async () => (await server.figure('journal_full')) === 0)
    expect(await server.redirects(link.short_code, 200)).toBe(200)
    await until('they are stored', async () => (await server.stored(link.id)) === 200)
    await server.end()
    unmount()
  })

  describe('with the embedded database on it', () => {
    const embedded = databases[0]!

    /** A DATA_DIR on a file system of its own, and a server on it with one link. */
    async function begin(megabytes: number) {
      const made = disk(megabytes)
      copyTemplate((await embedded.settings()).DATA_DIR!, made.folder)
      const start = (status = 'ready') =>
        startChild({ DATA_DIR: made.folder, AUTH: 'off', LOG_LEVEL: 'fatal', DISK_FREE_MIN: '1000000' }, status)
      const server = await start()
      const { id, short_code } = (await server.call('POST', '/urls', { original_url: 'https://example.com/' })).body
      return { ...made, start, server, id, code: short_code as string }
    }
    const FULL = 'its disk is full'
    const ready = async (server: Child) => (await server.call('GET', '/ready')).body
    const firing = async (server: Child) => {
      const alerts = (await server.call('GET', '/alert-status')).body as Record<string, { state: string }>
      return Object.keys(alerts).filter((name) => alerts[name]!.state === 'firing')
    }

    test('a refused change names the reason, also to operators; with room again changes work without a restart', async () => {
      const { folder, server, code, fill, empty, unmount } = await begin(100)
      fill()
      let refused: { status: number; body: { error: string } } | undefined
      for (let n = 0; n < 5_000 && !refused; n++) {
        const answer = await server.call('POST', '/urls', { original_url: `https://example.com/${'x'.repeat(1_500)}${n}` })
        // On a machine that is busy with other tests a change may be late before it is refused.
        if (answer.status !== 201 && !answer.body.error.endsWith('try again in a moment')) refused = answer
      }
      expect([refused!.status, refused!.body.error]).toEqual([503, expect.stringContaining(FULL)])
      expect(await ready(server)).toMatchObject({ status: 'degraded', reason: expect.stringContaining(FULL) })
      expect((await server.call('GET', `/${code}`)).status).toBe(302)
      await until('the disk’s alert fires', async () => (await firing(server)).includes('disk_space'))
      expect((await firing(server)).some((name) => name === 'database_refuses' || name === 'service_down')).toBe(true)
      const { troubles } = (await server.call('GET', '/api/overview')).body.now
      expect(troubles).toContainEqual(expect.stringContaining(FULL))
      // As the housekeeping does when it is due: PostgreSQL panics, and the worker has to be replaced.
      const sql = postgres({
        host: join(folder, 'socket'),
        database: 'postgres',
        username: 'postgres',
        max: 1,
        onnotice: () => {},
      })
      await Promise.race([sql`checkpoint`.catch(() => {}), Bun.sleep(2_000)])
      void sql.end({ timeout: 0 }).catch(() => {})
      empty()
      await until('it is ready', async () => (await ready(server)).status === 'ready')
      expect((await server.call('POST', '/urls', { original_url: 'https://example.com/after' })).status).toBe(201)
      server.kill('SIGTERM')
      await server.exited
      unmount()
    })

    test('a start on it after kill -9, with clicks that wait, redirects and says why; with room again it has every click', async () => {
      const { folder, server, id, code, fill, empty, start, unmount } = await begin(100)
      for (let n = 0; n < 20; n++) expect((await server.call('GET', `/${code}`)).status).toBe(302)
      fill()
      for (let n = 0; n < 200; n++) await server.call('GET', `/${code}`)
      server.kill('SIGKILL')
      await server.exited
      rmSync(join(folder, 'pg18/postmaster.pid')) // as after an orderly stop: to write it again takes room, which there is none of
      fill()
      const next = await start('degraded')
      expect((await next.call('GET', `/${code}`)).status).toBe(302)
      await until('the reason is known', async () => String((await ready(next)).reason).includes(FULL))
      expect((await next.call('POST', '/urls', { original_url: 'https://example.com/' })).body.error).toContain(FULL)
      empty()
      await until('it is ready', async () => (await ready(next)).status === 'ready')
      // The one of the degraded start is lost where not even a first segment of the journal had room, and counted as dropped.
      await until('clicks are stored', async () => (await next.call('GET', `/urls/${id}/stats`)).body.clicks >= 220)
      next.kill('SIGTERM')
      await next.exited
      unmount()
    })
  })
})
