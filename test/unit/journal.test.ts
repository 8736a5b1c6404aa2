// The click journal by itself: what is written is read, whatever happens to the file.
import { describe, expect, test } from 'bun:test'
import { closeSync, copyFileSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { CONTROL, controlBlock, type Journal, openJournal } from '../../src/journal/journal.ts'
import { type Click, MAX_RECORD, readRecord, seedOf, viewsOf, writeRecord } from '../../src/journal/journal-format.ts'
import { openReader } from '../../src/journal/journal-reader.ts'
import { JournalFull, journalsIn, prepareSegment, type SegmentFile, sizeOfSegment } from '../../src/journal/segments.ts'
import { temporaryFolder } from '../scratch.ts'

const latin = (maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength })
const aClick = fc.record({
  linkId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  time: fc.integer({ min: 0, max: 4e12 }),
  referrer: latin(300),
  userAgent: latin(500),
  address: latin(60),
  marks: fc.integer(),
})
type Sent = Omit<Click, 'sequence'>

/** What a record keeps of a click: texts are cut. */
const kept = ({ linkId, time, referrer, userAgent, address, marks }: Sent, sequence: number): Click => ({
  sequence,
  linkId,
  time,
  referrer: referrer.slice(0, 255),
  userAgent: userAgent.slice(0, 400),
  address: address.slice(0, 45),
  marks,
})

/** A journal in its own folder, whose segments are prepared on request. */
function journalIn(folder: string, id = Bun.randomUUIDv7(), maxBytes = 2 ** 40) {
  const shared = controlBlock()
  const full: string[] = []
  const journal: Journal = openJournal(id, shared, () => {}, prepare)
  function prepare(number: number) {
    try {
      const segment = prepareSegment(folder, id, number, [], maxBytes)
      queueMicrotask(() => journal.offer(segment))
    } catch (error) {
      full.push((error as Error).name)
    }
  }
  prepare(0)
  const control = new Int32Array(shared)
  return {
    journal,
    full,
    published: (segment: number) => Atomics.load(control, CONTROL.committed + (segment % CONTROL.RING)) << 3,
  }
}

const append = (journal: Journal, { linkId, time, referrer, userAgent, address, marks }: Sent) =>
  journal.append(linkId, time, referrer, userAgent, address, marks)
const segmentsOf = async (folder: string, id: string): Promise<SegmentFile[]> => (await journalsIn(folder)).journals.get(id) ?? []

describe('a record', () => {
  test('is read as it was written, cut to its bounds', () => {
    fc.assert(
      fc.property(aClick, fc.integer({ min: 1, max: 2 ** 40 }), (click, sequence) => {
        const bytes = viewsOf(new Uint8Array(MAX_RECORD * 2))
        const seed = seedOf('a')
        const length = writeRecord(
          bytes,
          8,
          seed,
          sequence,
          click.linkId,
          click.time,
          click.referrer,
          click.userAgent,
          click.address,
          click.marks,
        )
        expect(length % 8).toBe(0)
        expect(readRecord(bytes, 8, MAX_RECORD * 2, seed)).toEqual({ click: kept(click, sequence), length })
      }),
    )
  })

  test('is invalid in another journal, and after any one byte has changed', () => {
    const bytes = viewsOf(new Uint8Array(MAX_RECORD))
    const seed = seedOf('a')
    const length = writeRecord(bytes, 0, seed, 1, 77, 1_700_000_000_000, 'news.example', 'Agent/1.0', '203.0.113.0')
    expect(readRecord(bytes, 0, length, seedOf('b'))).toBeUndefined()
    for (let at = 0; at < length; at++) {
      bytes.buffer[at]! ^= 0x10
      expect([at, readRecord(bytes, 0, length, seed)]).toEqual([at, undefined])
      bytes.buffer[at]! ^= 0x10
    }
    expect(readRecord(bytes, 0, length, seed)?.click.linkId).toBe(77)
  })

  test('is invalid if it is cut off at any byte', () => {
    const bytes = viewsOf(new Uint8Array(MAX_RECORD))
    const length = writeRecord(bytes, 0, seedOf('a'), 1, 77, 1, 'r', 'u', 'a')
    for (let end = 0; end < length; end++) expect(readRecord(bytes, 0, end, seedOf('a'))).toBeUndefined()
  })
})

describe('a journal', () => {
  test('is read live, record by record, and never beyond what is published', async () => {
    const folder = temporaryFolder()
    const { journal, published } = journalIn(folder)
    await Bun.sleep(0)
    const reader = openReader(journal.id, await segmentsOf(folder, journal.id), published)
    fc.assert(
      fc.property(fc.array(aClick, { maxLength: 50 }), (clicks) => {
        const first = journal.appended() + 1
        for (const click of clicks) expect(append(journal, click)).toBe(true)
        expect(reader.read(1_000)).toEqual(clicks.map((click, i) => kept(click, first + i)))
        expect(reader.read(1)).toEqual([])
      }),
    )
  })

  test('continues through segments, and is read completely after its writer died', async () => {
    const folder = temporaryFolder()
    const { journal } = journalIn(folder)
    await Bun.sleep(0)
    const agent = 'x'.repeat(400)
    const count = Math.ceil((sizeOfSegment(0) * 1.5) / 450)
    for (let n = 1; n <= count; n++) {
      expect(journal.append(n, n, '', agent, '')).toBe(true)
      if (n % 1_000 === 0) await Bun.sleep(0)
    }
    const segments = await segmentsOf(folder, journal.id)
    expect(segments.map(({ segment }) => segment)).toEqual([0, 1])
    const clicks = openReader(journal.id, segments).read(count * 2)
    expect(clicks.length).toBe(count)
    expect(clicks.every(({ sequence, linkId }, i) => sequence === i + 1 && linkId === i + 1)).toBe(true)
  })

  test('continues from any sequence', async () => {
    const folder = temporaryFolder()
    const { journal } = journalIn(folder)
    await Bun.sleep(0)
    for (let n = 1; n <= 100; n++) journal.append(n, n, '', '', '')
    const reader = openReader(journal.id, await segmentsOf(folder, journal.id))
    for (const sequence of [0, 1, 50, 99, 100, 7]) {
      expect(reader.seek(sequence)).toBe(true)
      expect(reader.read(1_000).map((click) => click.sequence)).toEqual(
        Array.from({ length: 100 - sequence }, (_, i) => sequence + 1 + i),
      )
    }
  })

  test('loses nothing before a cut at any byte, and what follows a hole is found', async () => {
    const folder = temporaryFolder()
    const { journal } = journalIn(folder)
    await Bun.sleep(0)
    const ends: number[] = []
    let end = 64
    for (let n = 1; n <= 20; n++) {
      journal.append(n, n, 'r'.repeat(n), '', '')
      end += (48 + n + 7) & ~7
      ends.push(end)
    }
    const [segment] = await segmentsOf(folder, journal.id)
    const whole = readFileSync(segment!.path).subarray(0, end)
    for (let cut = 64; cut <= end; cut++) {
      const copy = join(folder, 'cut')
      writeFileSync(copy, whole.subarray(0, cut))
      const clicks = openReader(journal.id, [{ ...segment!, path: copy, size: cut }]).read(100)
      expect([cut, clicks.length]).toEqual([cut, ends.filter((recordEnd) => recordEnd <= cut).length])
    }
    for (let lost = 0; lost < 19; lost++) {
      const copy = join(folder, 'hole')
      const holed = Buffer.from(whole)
      holed.fill(0, lost === 0 ? 64 : ends[lost - 1], ends[lost])
      writeFileSync(copy, holed)
      const reader = openReader(journal.id, [{ ...segment!, path: copy, size: end }])
      expect(reader.read(100).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1).filter((n) => n !== lost + 1),
      )
      expect(reader.skipped()).toBeGreaterThan(0)
    }
  })

  test('drops clicks if no segment is ready, and continues when one is', async () => {
    const folder = temporaryFolder()
    const { journal, full } = journalIn(folder, undefined, sizeOfSegment(0))
    await Bun.sleep(0)
    let taken = 0
    while (journal.append(1, 1, '', 'x'.repeat(400), '')) taken++
    expect(full).toEqual(['JournalFull'])
    expect(taken).toBe(Math.floor((sizeOfSegment(0) - 64 - MAX_RECORD) / 448) + 1)
    expect(journal.append(1, 1, '', '', '')).toBe(false)
    journal.offer(prepareSegment(folder, journal.id, 1, [], 2 ** 40))
    expect(journal.append(2, 2, '', '', '')).toBe(true)
    const clicks = openReader(journal.id, await segmentsOf(folder, journal.id)).read(taken * 2)
    expect(clicks.length).toBe(taken + 1)
    expect(clicks.at(-1)).toMatchObject({ sequence: taken + 1, linkId: 2 })
  })

  test('used files are used again, and nothing of their life before is read', async () => {
    const folder = temporaryFolder()
    const { journal } = journalIn(folder)
    await Bun.sleep(0)
    for (let n = 1; n <= 500; n++) journal.append(n, n, '', '', '')
    journal.close()
    const [old] = await segmentsOf(folder, journal.id)
    const list = [old!]
    const next = Bun.randomUUIDv7()
    const again = prepareSegment(folder, next, 0, list, 1)
    expect(list).toEqual([])
    const second = openJournal(
      next,
      controlBlock(),
      () => {},
      () => {},
    )
    second.offer(again)
    second.append(9, 9, '', '', '')
    const found = await journalsIn(folder)
    expect([...found.journals.keys()]).toEqual([next])
    expect(
      openReader(next, found.journals.get(next)!)
        .read(1_000)
        .map(({ linkId }) => linkId),
    ).toEqual([9])
  })

  test('files that are no journals are named, with the reason', async () => {
    const folder = temporaryFolder()
    const { journal } = journalIn(folder)
    await Bun.sleep(0)
    journal.append(1, 1, '', '', '')
    const [segment] = await segmentsOf(folder, journal.id)
    writeFileSync(join(folder, 'noise.journal'), Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 7) % 256)))
    writeFileSync(join(folder, 'short.journal'), 'abc')
    writeFileSync(join(folder, 'zero.journal'), Buffer.alloc(4096))
    copyFileSync(segment!.path, join(folder, 'torn.journal'))
    truncateSync(join(folder, 'torn.journal'), 40)
    copyFileSync(segment!.path, join(folder, 'future.journal'))
    const future = openSync(join(folder, 'future.journal'), 'r+')
    const header = Buffer.from(readFileSync(segment!.path).subarray(0, 64))
    header.writeInt32LE(99, 4)
    header.writeInt32LE(crc32(header.subarray(0, 60)) | 0, 60)
    writeSync(future, header, 0, 64, 0)
    closeSync(future)
    const { journals, skipped } = await journalsIn(folder)
    expect([...journals.keys()]).toEqual([journal.id])
    const strangers = skipped.filter(({ path }) => !path.includes(journal.id))
    expect(Object.fromEntries(strangers.map(({ path, reason }) => [path.split('/').at(-1), reason]))).toEqual({
      'noise.journal': 'it is not a click journal, or its start is damaged',
      'short.journal': 'it is not a click journal, or its start is damaged',
      'zero.journal': 'empty',
      'torn.journal': 'it is not a click journal, or its start is damaged',
      'future.journal': 'it has format 99, which this release cannot read',
    })
  })

  test('JOURNAL_MAX_BYTES is a bound', () => {
    const folder = temporaryFolder()
    expect(() => prepareSegment(folder, Bun.randomUUIDv7(), 0, [], sizeOfSegment(0) - 1)).toThrow(JournalFull)
  })
})

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
