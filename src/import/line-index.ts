// Which codes and ids of a file were read already, and in which row. A file may have a million of each: a Map of its texts would take 150 MB, this
// takes 40. Keys are compared by 64 bits of a seeded hash; two texts of such a file share them once in 30 million files.

import { MAX_ROWS } from './csv.ts'

const WORDS = 5 // of a slot: two of the key, its line, two of the mark
const FULL = 0.75
const BYTES_A_ROW = 40

const SEED = crypto.getRandomValues(new Uint32Array(2))
const ODD = SEED[1]! | 1
const hashed = new BigUint64Array(1)
const [LOW, HIGH] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0]
const words = new Uint32Array(hashed.buffer)

/** A place in the index: the row, and the text that it was marked with. */
export type Found = { line: number; isMarked: (text: string) => boolean }

/** An index for a file of `bytes`, with room for its rows: growing would leave garbage of tens of megabytes. */
export function lineIndex(bytes: number) {
  let size = Math.ceil((Math.min(MAX_ROWS, bytes / BYTES_A_ROW) + 1) / FULL)
  let slots = new Uint32Array(WORDS * size)
  let count = 0

  function placeOf(low: number, high: number): number {
    const hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), ODD) >>> 0
    let at = Math.floor((hash / 2 ** 32) * size) * WORDS
    while (slots[at + 2] !== 0 && !(slots[at] === low && slots[at + 1] === high)) {
      at += WORDS
      if (at === slots.length) at = 0
    }
    return at
  }

  function grow() {
    const before = slots
    size *= 2
    slots = new Uint32Array(WORDS * size)
    for (let at = 0; at < before.length; at += WORDS)
      if (before[at + 2] !== 0) slots.set(before.subarray(at, at + WORDS), placeOf(before[at]!, before[at + 1]!))
  }

  return {
    /** The row of a key, if it has one. */
    find(key: string | number): Found | undefined {
      const [low, high] = wordsOf(key)
      const at = placeOf(low, high)
      const line = slots[at + 2]!
      if (line === 0) return undefined
      const [markLow, markHigh] = [slots[at + 3]!, slots[at + 4]!]
      return {
        line,
        isMarked: (text) => {
          const [low, high] = wordsOf(text)
          return low === markLow && high === markHigh
        },
      }
    },
    /** Sets the row (from 1) of a key, and the text to compare later ones with. */
    set(key: string | number, line: number, mark = '') {
      if (count >= FULL * size) grow()
      const [low, high] = wordsOf(key)
      const at = placeOf(low, high)
      if (slots[at + 2] === 0) count++
      const [markLow, markHigh] = wordsOf(mark)
      slots[at] = low
      slots[at + 1] = high
      slots[at + 2] = line
      slots[at + 3] = markLow
      slots[at + 4] = markHigh
    },
  }
}

function wordsOf(key: string | number): [low: number, high: number] {
  if (typeof key === 'number') return [key >>> 0, Math.floor(key / 2 ** 32)]
  hashed[0] = Bun.hash(key, SEED[0]!) as bigint
  return [words[LOW!]!, words[HIGH!]!]
}
