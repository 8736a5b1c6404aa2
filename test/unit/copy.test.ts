// Fields of COPY's text format, and how the embedded database takes them.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { copyField, jsonOf } from '../../src/database/copy.ts'
import { printedSeed } from '../seed.ts'

test('any text comes back', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'N', '\\', '\t', '\n', '\r', '"', '\\N', '\\.', 'ü', '👍', '{') })
  fc.assert(
    fc.property(text, text, (one, two) => {
      const row = [one, null, two].map(copyField).join('\t')
      expect(JSON.parse(jsonOf(row, ['one', 'none', 'two'], new Set()))).toEqual({ one, two })
    }),
    { seed: printedSeed('COPY') },
  )
})

test('JSON stays JSON, other types are texts', () => {
  const details = { text: 'a\t"b"\\', list: [1, null] }
  const row = [7, true, ['a"b', '\\', 'c,d'], details].map(copyField).join('\t')
  expect(JSON.parse(jsonOf(row, ['id', 'flag', 'list', 'details'], new Set(['details'])))).toEqual({
    id: '7',
    flag: 't',
    list: '{"a\\"b","\\\\","c,d"}',
    details,
  })
})
