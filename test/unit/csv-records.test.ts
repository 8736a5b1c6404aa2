// The splitter of CSV text reads what csv-parse reads, and refuses what it refuses, wherever the text is cut into pieces.
import { expect, test } from 'bun:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { BrokenRecord, splitter } from '../../src/import/csv-records.ts'
import { printedSeed } from '../seed.ts'

const MOST = 1_000
const text = fc.string({
  unit: fc.constantFrom('a', 'é', ' ', ',', ';', '"', '""', '\n', '\r', '\r\n', ',"', '",', '"\n'),
  maxLength: 40,
})

function split(pieces: string[], most = MOST): string[][] | string {
  const records = splitter(',', most)
  try {
    return [...pieces.flatMap((piece) => records(piece, false)), ...records('', true), ...records('', true)]
  } catch (error) {
    if (!(error instanceof BrokenRecord)) throw error
    return error.reason
  }
}

function parsed(text: string): string[][] | string {
  try {
    return parse(text, { record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true }) as string[][]
  } catch (error) {
    return (error as { code: string }).code === 'CSV_QUOTE_NOT_CLOSED' ? 'open quote' : 'stray quote'
  }
}

test('reads and refuses like csv-parse', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 4 }), (text, cuts) => {
      const at = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]
      const pieces = at.slice(1).map((end, index) => text.slice(at[index], end))
      expect(split(pieces)).toEqual(parsed(text))
    }),
    { seed: printedSeed('CSV records'), numRuns: 3_000 },
  )
})

test('returns the records before a broken one, and names its number', () => {
  const records = splitter(',', MOST)
  expect(records('a,b\nc,d\ne"f\n', false)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
  expect(() => records('', true)).toThrow(expect.objectContaining({ record: 3, reason: 'stray quote' }))
})

test('a record is measured in bytes', () => {
  expect(split(['é'.repeat(500)])).toEqual([['é'.repeat(500)]])
  expect(split(['é'.repeat(501)])).toBe('too long')
  expect(split([`"${'x'.repeat(400)}`, 'x'.repeat(400), 'x'.repeat(400)])).toBe('too long')
})
