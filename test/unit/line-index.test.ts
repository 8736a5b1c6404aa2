// The index of the codes and ids of a file behaves like a Map, also once it has to grow.
import { expect, test } from 'bun:test'
import { lineIndex } from '../../src/import/line-index.ts'

test.each([
  ['codes', (n: number) => `code-${n}`],
  ['ids in order', (n: number) => n + 1],
  ['ids far apart', (n: number) => n * 2 ** 32 + 1],
])('%s', (_, keyOf) => {
  const index = lineIndex(1_000) // room for 25 rows
  for (let n = 0; n < 5_000; n++) {
    expect(index.find(keyOf(n))).toBeUndefined()
    index.set(keyOf(n), n + 2, `target ${n}`)
  }
  index.set(keyOf(7), 9_000, 'another')
  for (let n = 0; n < 5_000; n++) {
    const found = index.find(keyOf(n))!
    expect([found.line, found.isMarked(`target ${n}`)]).toEqual(n === 7 ? [9_000, false] : [n + 2, true])
  }
  expect(index.find(keyOf(5_000))).toBeUndefined()
})
