// A file system that is full for real: a small tmpfs as DATA_DIR, filled, and given room again.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { startChild } from './child.ts'
import { temporaryFolder } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'

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
  }, 60_000)
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
    const figure = async (name: string) =>
      Number(
        new RegExp(`^waypost_clicks_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(
          await (await fetch(`${child.base}/metrics`)).text(),
        )![1],
      )
    return {
      ...child,
      figure,
      make: async (original_url: string) =>
        (await child.call('POST', '/urls', { original_url })).body as { id: number; short_code: string },
      /** How many of `count` redirects were answered 302. */
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

  async function until(what: string, isSo: () => Promise<boolean>) {
    const deadline = Date.now() + 20_000
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`in vain: ${what}`)
      await Bun.sleep(100)
    }
  }

  test('redirects go on, drops are counted, their alert fires beside the disk’s, and with room again clicks are kept without a restart', async () => {
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
  }, 120_000)

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
    await Bun.sleep(1_500) // some polls of the feed
    expect((await server.call('GET', `/${link.short_code}`)).status).toBe(404)
    expect(await server.figure('dropped_total')).toBe(0)
    await until('all are stored', async () => (await server.stored(link.id)) + (await server.stored(later.id)) === 1_100)
    empty()
    await server.call('PATCH', `/urls/${link.id}`, { is_active: true })
    expect(await server.redirects(link.short_code, 100)).toBe(100)
    await server.end()
    unmount()
  }, 120_000)

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
  }, 120_000)
})
