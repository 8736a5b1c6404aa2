// A record of the journal holds a click, and nothing damaged passes for one.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MAX_RECORD, readRecord, seedOf, viewsOf, writeRecord } from '../../src/journal/journal-format.ts'
import { aClick, kept } from '../journals.ts'

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
