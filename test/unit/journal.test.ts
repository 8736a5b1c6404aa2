// The journal keeps clicks in order, whatever its segments do.
import { describe, expect, test } from 'bun:test'
import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { controlBlock, openJournal } from '../../src/journal/journal.ts'
import { MAX_RECORD } from '../../src/journal/journal-format.ts'
import { openReader } from '../../src/journal/journal-reader.ts'
import { JournalFull, journalsIn, prepareSegment, sizeOfSegment } from '../../src/journal/segments.ts'
import { aClick, append, journalIn, kept, segmentsOf } from '../journals.ts'
import { temporaryFolder } from '../scratch.ts'

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
