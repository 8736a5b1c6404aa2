// The samples of one replica: each second of the last 15 minutes, and every 10 seconds of the last 24 hours. Typed arrays of a fixed size:
// 40 numbers of 4 bytes, 9,540 times, are 1.5 MB, whatever happens.
import { COLUMNS, combine, type Table } from './columns.ts'

export type SampleRing = ReturnType<typeof sampleRing>

const WIDTH = COLUMNS.length
const FINE = { step: 1, slots: 900 }
const COARSE = { step: 10, slots: 8_640 }
export const LONGEST = COARSE.step * COARSE.slots

export const MAX_ROWS = 1_440

/** Seconds between the samples of a chart: at most MAX_ROWS of them. */
export const STEPS = [
  { upTo: 900, step: 1 },
  { upTo: 10_800, step: 10 },
  { upTo: 32_400, step: 30 },
  { upTo: LONGEST, step: 60 },
]

export const stepOf = (window: number) => STEPS.find(({ upTo }) => window <= upTo)?.step ?? 60

export function sampleRing() {
  const fine = circle(FINE)
  const coarse = circle(COARSE)
  return {
    /** Adds the sample of `second`, in the order of COLUMNS; a second that comes twice is added up. */
    add(second: number, sample: ArrayLike<number>) {
      fine.add(second, sample)
      coarse.add(second, sample)
    },
    /** The samples of the seconds `from` up to and without `to`; a coarse step begins with the one that `from` is in. */
    read(from: number, to: number, step: number): Table {
      const kept = step < COARSE.step ? fine : coarse
      const rows: number[][] = []
      kept.each(from - (from % step), to, (second, samples, place) => {
        const begin = second - (second % step)
        let row = rows.at(-1)
        if (row?.[0] !== begin) rows.push((row = [begin, ...new Array<number>(WIDTH).fill(0)]))
        combine(row, 1, samples, place)
      })
      return { step, columns: COLUMNS, rows }
    },
  }
}

function circle({ step, slots }: { step: number; slots: number }) {
  const samples = new Uint32Array(slots * WIDTH)
  const seconds = new Uint32Array(slots) // where the sample in this slot begins
  return {
    add(second: number, sample: ArrayLike<number>) {
      const begin = second - (second % step)
      const slot = (begin / step) % slots
      if (seconds[slot] !== begin) samples.fill(0, slot * WIDTH, (slot + 1) * WIDTH)
      seconds[slot] = begin
      combine(samples, slot * WIDTH, sample)
    },
    each(from: number, to: number, visit: (second: number, samples: Uint32Array, place: number) => void) {
      for (let begin = Math.max(from, to - slots * step); begin < to; begin += step) {
        const slot = (begin / step) % slots
        if (seconds[slot] === begin) visit(begin, samples, slot * WIDTH)
      }
    },
  }
}
