// What the charts and the history of alerts show outlives a process: a file that is damaged costs what is damaged, and a fleet has one past.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COLUMNS } from '../src/monitor/overview/columns.ts'
import { sampleRing } from '../src/monitor/overview/ring.ts'
import { openRingFile, readRing } from '../src/monitor/overview/ring-file.ts'
import { type Child, startChild } from './child.ts'
import { quiet } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: a fleet in test/kept-samples.test.ts (PostgreSQL is not installed)')

describe('the file of samples', () => {
  const NOW = 1_800_000_000
  const row = (second: number, value = 1) => [second, ...COLUMNS.map((_, place) => (place === 0 ? 1000 : value))]
  const listening = () => {
    const { log, ring } = quiet()
    return { log, lines: () => ring.read({ limit: 10 }).map(({ message }) => message) }
  }
  const made = async () => {
    const path = join(temporaryFolder(), 'samples')
    const { log } = listening()
    const rows = [row(NOW - 2), row(NOW - 1, 2), row(NOW, 3)]
    await openRingFile(path, log).write([
      { step: 1, rows },
      { step: 10, rows: [row(NOW - 10, 7)] },
      { step: 30, rows: [row(NOW - 30, 8)] },
    ])
    return { path, rows }
  }

  test('has a fixed size below a megabyte, and what was written', async () => {
    const { path, rows } = await made()
    expect(statSync(path).size).toBeLessThan(1_000_000)
    expect(readRing(path)).toEqual([
      { step: 1, rows },
      { step: 10, rows: [row(NOW - 10, 7)] },
      { step: 30, rows: [row(NOW - 30, 8)] },
    ])
    const { log, lines } = listening()
    const again = openRingFile(path, log)
    expect([again.kept[0]!.rows, lines()]).toEqual([rows, []])
    await again.write([{ step: 1, rows: [row(NOW + 898, 9)] }]) // takes the place of the oldest
    expect(readRing(path)[0]!.rows.map(([second]) => second)).toEqual([NOW - 1, NOW, NOW + 898])
  })

  test('loses the samples that a crash or the disk spoiled, and no other', async () => {
    const { path, rows } = await made()
    const bytes = readFileSync(path)
    const at = bytes.indexOf(Buffer.from(Uint32Array.from(rows[1]!.slice(0, 3)).buffer))
    expect(at).toBeGreaterThan(0)
    bytes[at + 6]! ^= 1
    writeFileSync(path, bytes)
    expect(readRing(path)[0]!.rows).toEqual([rows[0]!, rows[2]!])
  })

  test.each<[string, (path: string) => void, string]>([
    ['cut short', (path) => truncateSync(path, 100_000), 'damaged'],
    ['empty', (path) => truncateSync(path, 0), 'damaged'],
    ['of something else', (path) => writeFileSync(path, 'x'.repeat(20_000)), 'damaged'],
    [
      'with a spoiled head',
      (path) => writeFileSync(path, readFileSync(path, 'latin1').replace('"format":1', '"format":3'), 'latin1'),
      'damaged',
    ],
    [
      'of a newer release',
      (path) => {
        const bytes = readFileSync(path)
        const { crc: _, ...body } = JSON.parse(bytes.subarray(0, 4096).toString())
        const head = { ...body, format: 2 }
        bytes.write(JSON.stringify({ ...head, crc: Bun.hash.crc32(JSON.stringify(head)) >>> 0 }).padEnd(4096), 0)
        writeFileSync(path, bytes)
      },
      'newer',
    ],
  ])('is put aside where it is %s, and begins again', async (_, spoil, why) => {
    const { path } = await made()
    spoil(path)
    const { log, lines } = listening()
    const file = openRingFile(path, log)
    expect(file.kept.flatMap(({ rows }) => rows)).toEqual([])
    expect(existsSync(`${path}.${why}`)).toBe(true)
    expect(lines()).toEqual([expect.stringContaining('cannot read the samples')])
    await file.write([{ step: 1, rows: [row(NOW)] }])
    expect(readRing(path)[0]!.rows).toEqual([row(NOW)])
  })

  test('that is a folder, or lies where nothing can be written, stops no start', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'samples'))
    const { log } = listening()
    await openRingFile(join(folder, 'samples'), log).write([{ step: 1, rows: [row(NOW)] }])
    const nowhere = openRingFile(join(folder, 'no', 'such', 'samples'), log)
    expect(nowhere.kept).toEqual([])
    await nowhere.write([{ step: 1, rows: [row(NOW)] }])
  })

  test('fills a ring as it was', () => {
    const ring = sampleRing()
    const before = sampleRing()
    for (let second = NOW - 7_200; second < NOW; second++) before.add(second, row(second).slice(1))
    ring.restore([1, 10, 30].map((step) => ({ step, rows: before.read(step === 1 ? NOW - 900 : NOW - 7_200, NOW, step).rows })))
    for (const step of [1, 10, 30, 60]) {
      const from = NOW - (step === 1 ? 900 : 7_200)
      expect(ring.read(from, NOW, step)).toEqual(before.read(from, NOW, step))
    }
  })
})

describe.skipIf(!installed)('two replicas on one DATA_DIR', () => {
  let cluster: Cluster
  let DATABASE_URL: string
  const DATA_DIR = temporaryFolder()
  const TOKEN = 'an-operators-long-token'
  const BEARER = { authorization: `Bearer ${TOKEN}` }
  let first: Child
  let second: Child
  const start = (folder = DATA_DIR) => startChild({ DATABASE_URL, DATA_DIR: folder, ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'fatal' })
  const get = async ({ base }: Child, path: string) => (await (await fetch(base + path, { headers: BEARER })).json()) as any
  const past = async (child: Child, from: number, to: number, of = 'all') => {
    const { samples } = await get(child, `/api/overview?window=900&replica=${of}`)
    return samples.time.flatMap((time: number, place: number) =>
      time >= from && time < to ? [[time, samples.redirects[place], samples.reporting[place]]] : [],
    )
  }
  const both = async (child: Child) => {
    while ((await get(child, '/api/overview?replica=all')).answered < 2) await Bun.sleep(50)
  }
  const second_ = () => Math.floor(Date.now() / 1000)

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    DATABASE_URL = await cluster.createDatabase()
    first = await start()
    second = await start()
    await fetch(`${first.base}/urls`, {
      method: 'POST',
      headers: { ...BEARER, 'content-type': 'application/json' },
      body: JSON.stringify({ original_url: 'https://example.com/', short_code: 'known' }),
    })
    await both(first)
  })
  afterAll(async () => {
    first?.kill('SIGKILL')
    second?.kill('SIGKILL')
    await cluster?.end()
  })

  test('have one past, whichever of them leaves or starts again', async () => {
    const from = second_() + 1
    for (let i = 0; i < 20; i++) for (const child of [first, second]) await fetch(`${child.base}/known`, { redirect: 'manual' })
    await fetch(`${second.base}/api/alerts/disk_space/test`, { method: 'POST', headers: BEARER })
    const history = async (child: Child) =>
      (await get(child, '/api/alerts?replica=all')).history.map(({ name, replica }: any) => `${name} ${replica}`)
    const alerts = await history(first)
    expect(alerts).toEqual([expect.stringMatching(new RegExp(`^disk_space .*:${second.port}$`))])
    while (second_() < from + 4) await Bun.sleep(100)
    const to = second_() - 2
    let before = await past(first, from, to)
    for (let same = 0; same < 4; await Bun.sleep(500)) {
      const now = await past(first, from, to) // what the other replica has to say of a second may come a moment later
      same = Bun.deepEquals(now, before) ? same + 1 : 0
      before = now
    }
    expect(before.length).toBeGreaterThanOrEqual(2)
    while (((await get(first, '/api/overview')).now.clicks.total ?? 0) < 40) await Bun.sleep(200)

    second.kill('SIGTERM')
    await second.exited
    while ((await get(first, '/api/overview?replica=all')).asked > 1) await Bun.sleep(50)
    const isAsBefore = async (child: Child) => Bun.deepEquals(await past(child, from, to), before)
    await until('what is left of the other is read', () => isAsBefore(first)) // it looks for that every 5 s
    expect(await history(first)).toEqual(alerts)

    second = await start()
    await both(first)
    await both(second)
    for (const child of [first, second]) await until('it has the same past', () => isAsBefore(child))
    expect((await history(second)).length).toBe(1)
    const { now } = await get(second, '/api/overview?replica=all')
    expect(now.clicks.stored).toBe(0) // since its start
    while ((await get(second, '/api/overview')).now.clicks.total === null) await Bun.sleep(50)
    expect((await get(second, '/api/overview')).now.clicks.total).toBeGreaterThanOrEqual(40)
  })

  // On a folder of its own: on one that is shared, the other may hold its slot for a moment, to adopt its journal, and it starts in another.
  const OWN_DIR = temporaryFolder()

  test('are missing in the seconds in which they did not run: no zeros, and no line across', async () => {
    second.kill('SIGKILL')
    second = await start(OWN_DIR)
    const lives = second_()
    while (second_() < lives + 4) await Bun.sleep(100)
    const down = second_()
    second.kill('SIGTERM')
    await second.exited
    while (second_() < down + 5) await Bun.sleep(100)
    second = await start(OWN_DIR)
    const up = second_()
    while (second_() < up + 3) await Bun.sleep(100)
    const times = (await past(second, down - 5, up + 3, '')).map(([time]: number[]) => time)
    expect(times.filter((time: number) => time > down + 1 && time < down + 4)).toEqual([])
    expect(times.filter((time: number) => time < down).length).toBeGreaterThan(0)
    expect(times.filter((time: number) => time > up).length).toBeGreaterThan(0)
  })

  test('keep what was before a kill -9 but for the last seconds', async () => {
    const mark = second_()
    const file = join(OWN_DIR, 'replicas', '0', 'samples')
    while (!readRing(file)[0]!.rows.some(([time]) => time! > mark)) await Bun.sleep(250)
    const written = readRing(file)[0]!.rows.at(-1)![0]!
    second.kill('SIGKILL')
    await second.exited
    second = await start(OWN_DIR)
    const times = (await past(second, mark - 5, written + 1, '')).map(([time]: number[]) => time)
    expect(times).toContain(written)
  })
})
