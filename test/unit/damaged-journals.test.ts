// Journals of a folder that are damaged, or of another release.
import { describe, expect, test } from 'bun:test'
import { closeSync, copyFileSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openReader } from '../../src/journal/journal-reader.ts'
import { journalsIn, prepareSegment, type SegmentFile } from '../../src/journal/segments.ts'
import { journalIn, segmentsOf } from '../journals.ts'
import { temporaryFolder } from '../scratch.ts'

/** Two clicks, as release 0.1.0 wrote them. */
const OF_0_1_0 =
  'V1lQSgEAAAABmqDGfF5wAJ1rPF58Gis9AAAAAAAAAAAAAAAAAADwPwAAwAZFDHpCAAAAAAAAAAAAAAAADYzPNENMQ0tQAAAA0OvxugwACQALAAAAAAAAAAAAAAAAAPA/AADABkUMekIAAAAAAAAcQG5ld3MuZXhhbXBsZUFnZW50LzEuMDIwMy4wLjExMy4wQ0xDS0AAAAAfHVF3AAAJAAAAAAAAAAAAAAAAAAAAAEAAEMAGRQx6QgAAAAAAACBAQWdlbnQvMi4wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='

describe('journals of a folder, damaged', () => {
  /** A dead journal of `count` clicks; returns its file and what is in it. */
  async function dead(folder: string, count: number, id = Bun.randomUUIDv7()) {
    const { journal } = journalIn(folder, id)
    await Bun.sleep(0)
    for (let n = 1; n <= count; n++) journal.append(n, 1_700_000_000_000 + n, 'r'.repeat(n % 50), '', '')
    journal.close()
    return { id, path: join(folder, `${id}-000000.journal`) }
  }
  function overwrite(path: string, at: number, bytes: Uint8Array) {
    const file = openSync(path, 'r+')
    writeSync(file, bytes, 0, bytes.length, at)
    closeSync(file)
  }
  const linksOf = (id: string, segments: SegmentFile[]) =>
    openReader(id, segments)
      .read(10_000)
      .map(({ linkId }) => linkId)
  const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, i) => from + i)
  const rubbish = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 37 + 11) % 256))

  test.each<[string, (path: string) => unknown, first: number]>([
    ['of zeros', (path) => overwrite(path, 0, Buffer.alloc(64)), 1],
    ['of rubbish', (path) => overwrite(path, 0, rubbish(64)), 1],
    ['with one byte changed', (path) => overwrite(path, 40, Buffer.from([0xff])), 1],
    ['lost with its first page', (path) => overwrite(path, 0, Buffer.alloc(4096)), 47],
  ])('a header %s: the clicks are found by the journal’s name', async (_, damage, first) => {
    const folder = temporaryFolder()
    const { id, path } = await dead(folder, 200)
    const whole = readFileSync(path)
    damage(path)
    const { journals, skipped } = await journalsIn(folder)
    expect(skipped.filter(({ reason }) => reason !== 'empty')).toEqual([])
    const found = linksOf(id, journals.get(id)!)
    expect(found).toEqual(upTo(200, found[0]))
    expect(first === 1 || (found[0]! > 1 && found[0]! < 100)).toBe(true)
    expect(journals.get(id)![0]!.firstSequence).toBe(found[0]!)
    expect(readFileSync(path).subarray(4096)).toEqual(whole.subarray(4096))
  })

  test('a header that is gone of a file with another name: by the id in the header, or by one that the database knows', async () => {
    const folder = temporaryFolder()
    const [one, two] = [await dead(folder, 10), await dead(folder, 20)]
    for (const [{ path }, name] of [
      [one, 'one.journal'],
      [two, 'two.journal'],
    ] as const) {
      copyFileSync(path, join(folder, name))
      truncateSync(path, 0)
    }
    overwrite(join(folder, 'one.journal'), 60, rubbish(4)) // the checksum alone
    overwrite(join(folder, 'two.journal'), 0, rubbish(64))
    const unknown = await journalsIn(folder)
    expect(unknown.skipped.map(({ path }) => path.split('/').at(-1)).filter((name) => name === 'two.journal')).toHaveLength(1)
    const other = temporaryFolder()
    for (const name of ['one.journal', 'two.journal']) copyFileSync(join(folder, name), join(other, name))
    const { journals, skipped } = await journalsIn(other, { known: async () => [Bun.randomUUIDv7(), two.id] })
    expect(skipped).toEqual([])
    expect([linksOf(one.id, journals.get(one.id)!), linksOf(two.id, journals.get(two.id)!)]).toEqual([upTo(10), upTo(20)])
  })

  test('a reused file without new records has no clicks; one of zeros alone is named as empty', async () => {
    const folder = temporaryFolder()
    const { id } = await dead(folder, 300)
    const [old] = await segmentsOf(folder, id)
    prepareSegment(folder, id, 0, [old!], 1)
    const { journals } = await journalsIn(folder)
    expect(linksOf(id, journals.get(id)!)).toEqual(upTo(300)) // of its life before, which its watermark says is stored
    const empty = Bun.randomUUIDv7()
    prepareSegment(folder, empty, 0, [], 2 ** 40)
    rmSync(join(folder, `${id}-000001.journal`))
    expect((await journalsIn(folder)).skipped).toEqual([{ path: join(folder, `${empty}-000000.journal`), reason: 'empty' }])
    expect((await journalsIn(folder, { except: empty })).skipped).toEqual([])
  })

  test('damage at the very end is counted as well, and what is only half written is not', async () => {
    const folder = temporaryFolder()
    const { id, path } = await dead(folder, 3)
    const last = readFileSync(path).lastIndexOf('CLCK')
    const skippedIn = async () => {
      const reader = openReader(id, await segmentsOf(folder, id))
      return [reader.read(10).length, reader.skipped() > 0]
    }
    expect(await skippedIn()).toEqual([3, false])
    overwrite(path, last + 40, Buffer.from([1, 2, 3]))
    expect(await skippedIn()).toEqual([2, true])
    overwrite(path, last, Buffer.alloc(60))
    expect(await skippedIn()).toEqual([2, false])
  })

  test('damage in the journal that is being written is passed over, and so is a file that somebody removed', async () => {
    const folder = temporaryFolder()
    const { journal, published } = journalIn(folder)
    await Bun.sleep(0)
    const reader = openReader(journal.id, await segmentsOf(folder, journal.id), published)
    const write = (from: number, to: number) => {
      for (let n = from; n <= to; n++) journal.append(n, n, '', '', '')
    }
    write(1, 10)
    expect(reader.read(100).length).toBe(10)
    write(11, 20)
    const { path } = reader.passed()[0] ?? (await segmentsOf(folder, journal.id))[0]!
    overwrite(path, 64 + 48 * 12 + 40, rubbish(8)) // the link of the 13th
    expect(reader.read(100).map(({ linkId }) => linkId)).toEqual(upTo(20, 11).filter((n) => n !== 13))
    expect([reader.damaged().length, reader.skipped()]).toEqual([1, 48])
    write(21, 30)
    expect(reader.read(100).map(({ linkId }) => linkId)).toEqual(upTo(30, 21))
  })

  test('the journal of release 0.1.0 is read', async () => {
    const folder = temporaryFolder()
    const id = '019aa0c6-7c5e-7000-9d6b-3c5e7c1a2b3d'
    writeFileSync(join(folder, `${id}-000000.journal`), Buffer.from(OF_0_1_0, 'base64'))
    const { journals, skipped } = await journalsIn(folder)
    expect(skipped).toEqual([])
    expect(openReader(id, journals.get(id)!).read(10)).toEqual([
      {
        sequence: 1,
        linkId: 7,
        time: 1_790_000_000_000,
        referrer: 'news.example',
        userAgent: 'Agent/1.0',
        address: '203.0.113.0',
        marks: 0,
      },
      { sequence: 2, linkId: 8, time: 1_790_000_000_001, referrer: '', userAgent: 'Agent/2.0', address: '', marks: 0 },
    ])
  })
})
