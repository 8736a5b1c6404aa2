// Splits CSV text into records, as csv-parse with strict quotes does, in a third of its time (docs/decisions/0054-bulk.md).

/** Why a text is not CSV, and in which record (from 1). */
export class BrokenRecord extends Error {
  override name = 'BrokenRecord'
  constructor(
    readonly record: number,
    readonly reason: 'open quote' | 'stray quote' | 'too long',
  ) {
    super(reason)
  }
}

const [QUOTE, LF, CR] = [0x22, 0x0a, 0x0d]

/**
 * A splitter of text that comes in pieces. Records end with \n, \r\n or \r, also mixed. A field may be in double quotes, with quotes in it doubled. Throws
 * BrokenRecord for any other quote, for one that is never closed, and for a record of more than `most` bytes.
 */
export function splitter(delimiter: string, most: number) {
  const comma = delimiter.charCodeAt(0)
  let text = ''
  let count = 0
  let broken: unknown

  /** Returns the records that are complete now, or with `last` all that are left. A broken one throws once those before it have been returned. */
  function split(piece: string, last: boolean): string[][] {
    if (broken) throw broken
    text = text === '' ? piece : text + piece
    const records: string[][] = []
    let at = 0
    try {
      while (at < text.length) {
        const read = readRecord(at, last)
        const length = (read?.end ?? text.length) - at
        if (length > most / 3 && Buffer.byteLength(text.slice(at, at + length)) > most)
          throw new BrokenRecord(count + 1, 'too long')
        if (!read) break
        records.push(read.fields)
        count++
        at = read.next
      }
    } catch (error) {
      if (last && records.length === 0) throw error
      broken = error
    }
    text = text.slice(at)
    return records
  }

  /** The record that begins at `at`; undefined if its end is not there yet. */
  function readRecord(at: number, last: boolean): { fields: string[]; end: number; next: number } | undefined {
    const fields: string[] = []
    for (let start = at; ; ) {
      let end: number
      if (text.charCodeAt(start) === QUOTE) {
        end = closingQuote(start + 1, last)
        if (end < 0) return undefined
        const inner = text.slice(start + 1, end)
        fields.push(inner.includes('"') ? inner.replaceAll('""', '"') : inner)
        end++
      } else {
        end = start
        for (let code = text.charCodeAt(end); end < text.length; code = text.charCodeAt(++end)) {
          if (code === comma || code === LF || code === CR) break
          if (code === QUOTE) throw new BrokenRecord(count + 1, 'stray quote')
        }
        if (end === text.length && !last) return undefined
        fields.push(text.slice(start, end))
      }
      const code = text.charCodeAt(end)
      if (code === comma) start = end + 1
      else if (code === LF || end === text.length) return { fields, end, next: end + 1 }
      else if (code !== CR) throw new BrokenRecord(count + 1, 'stray quote')
      else if (end + 1 === text.length && !last)
        return undefined // a line feed may follow
      else return { fields, end, next: end + (text.charCodeAt(end + 1) === LF ? 2 : 1) }
    }
  }

  /** Where the quote is that ends a field; below 0 if it is not there yet. */
  function closingQuote(from: number, last: boolean): number {
    for (let at = from; ; at += 2) {
      at = text.indexOf('"', at)
      if (at < 0 && last) throw new BrokenRecord(count + 1, 'open quote')
      if (at < 0 || (at + 1 === text.length && !last)) return -1
      if (text.charCodeAt(at + 1) !== QUOTE) return at
    }
  }

  return split
}
