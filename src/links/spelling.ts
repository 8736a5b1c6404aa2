// How alike two words are spelled.

export type Counted = { word: string; links: number }

const MAX_NEAREST = 3
/** From this length on, two errors are likely. */
const LONG = 8

/** At most three of `among` that differ from `word` as a typing error does: the nearest first, then the most frequent. */
export function nearest(word: string, among: Counted[]): string[] {
  const wanted = plain(word)
  const limit = wanted.length < LONG ? 1 : 2
  return [...Map.groupBy(among, (one) => plain(one.word))]
    .map(([text, spellings]) => ({
      steps: steps(wanted, text),
      links: spellings.reduce((sum, { links }) => sum + links, 0),
      word: spellings.toSorted((a, b) => b.links - a.links)[0]!.word,
    }))
    .filter(({ steps }) => steps <= limit)
    .sort((a, b) => a.steps - b.steps || b.links - a.links)
    .slice(0, MAX_NEAREST)
    .map(({ word }) => word)
}

/** Without case: the small letter of İ is an i with a dot of its own. */
const plain = (text: string) => text.toLowerCase().normalize('NFC').replaceAll('\u0307', '')

/** How many letters are added, left out, replaced or swapped with the next one, from one text to the other. */
export function steps(from: string, to: string): number {
  const a = [...from]
  const b = [...to]
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
