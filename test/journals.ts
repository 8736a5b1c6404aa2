import fc from 'fast-check'
import { CONTROL, controlBlock, type Journal, openJournal } from '../src/journal/journal.ts'
import type { Click } from '../src/journal/journal-format.ts'
import { journalsIn, prepareSegment, type SegmentFile } from '../src/journal/segments.ts'

const latin = (maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength })
export const aClick = fc.record({
  linkId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  time: fc.integer({ min: 0, max: 4e12 }),
  referrer: latin(300),
  userAgent: latin(500),
  address: latin(60),
  marks: fc.integer(),
})
export type Sent = Omit<Click, 'sequence'>

/** What a record keeps of a click: texts are cut. */
export const kept = ({ linkId, time, referrer, userAgent, address, marks }: Sent, sequence: number): Click => ({
  sequence,
  linkId,
  time,
  referrer: referrer.slice(0, 255),
  userAgent: userAgent.slice(0, 400),
  address: address.slice(0, 45),
  marks,
})

/** A journal in its own folder, whose segments are prepared on request. */
export function journalIn(folder: string, id = Bun.randomUUIDv7(), maxBytes = 2 ** 40) {
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

export const append = (journal: Journal, { linkId, time, referrer, userAgent, address, marks }: Sent) =>
  journal.append(linkId, time, referrer, userAgent, address, marks)
export const segmentsOf = async (folder: string, id: string): Promise<SegmentFile[]> =>
  (await journalsIn(folder)).journals.get(id) ?? []
