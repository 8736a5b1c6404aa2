// Recovers records from a segment whose header is lost. The file name gives its journal, and each record's checksum is seeded with the journal's
// id, so a record shows to which of several journals it belongs.
import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { MAX_RECORD, RECORD_MAGIC, readRecord, SEGMENT_HEADER, seedOf, viewsOf } from './journal-format.ts'

/** The journal whose records a segment has, and the first of them. */
type Salvaged = { journalId: string; firstSequence: number; startedAt: number }

const CHUNK = 1024 * 1024
/** How many record starts are tried with every journal: a file with remnants of an unknown one can have 300,000. */
const TRIED = 100

/** The journal and the segment number in a segment's file name. */
export function namedBy(path: string): { journalId: string; segment: number } | undefined {
  const [, journalId, segment] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{6,})\.journal$/.exec(basename(path)) ?? []
  return journalId === undefined ? undefined : { journalId, segment: Number(segment) }
}

/** Looks for a record of one of `journalIds`; 'zeros' if the file has only zeros, 'unknown' if it has other bytes but no such record. */
export function salvage(path: string, journalIds: string[]): Salvaged | 'zeros' | 'unknown' {
  const seeds = [...new Set(journalIds)].map((journalId) => ({ journalId, seed: seedOf(journalId) }))
  const bytes = viewsOf(new Uint8Array(CHUNK + MAX_RECORD + 8))
  const file = openSync(path, 'r')
  let zeros = true
  let tried = 0
  try {
    for (let from = 0; ; from += CHUNK) {
      const length = readSync(file, bytes.buffer, 0, bytes.buffer.length, from)
      if (length <= 0) return zeros ? 'zeros' : 'unknown'
      bytes.buffer.fill(0, length, (length + 7) & ~7)
      for (let at = 0; at < Math.min(length, CHUNK); at += 8) {
        const word = at >> 2
        zeros &&= bytes.words[word] === 0 && bytes.words[word + 1] === 0
        if (bytes.words[word] !== RECORD_MAGIC || from + at < SEGMENT_HEADER || ++tried > TRIED) continue
        for (const { journalId, seed } of seeds) {
          const found = readRecord(bytes, at, length, seed)
          if (found) return { journalId, firstSequence: found.click.sequence, startedAt: found.click.time }
        }
      }
    }
  } finally {
    closeSync(file)
  }
}
