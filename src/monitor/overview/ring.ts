// The samples of one replica: one per second for 15 minutes, and one per 10 seconds for 24 hours. Typed arrays of a fixed size: 40
// numbers of 4 bytes, 9,540 times, make 1.5 MB.
import { COLUMNS, combine, type Table } from './columns.ts'

export type SampleRing = ReturnType<typeof sampleRing>

const WIDTH = COLUMNS.length
const FINE = { step: 1, slots: 900 }
const COARSE = { step: 10, slots: 8_640 }
const LONG_STEP = 30
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
    /** Adds the sample of `second`, in the order of COLUMNS; two samples of the same second are combined. */
    add(second: number, sample: ArrayLike<number>) {
      fine.add(second, sample)
      coarse.add(second, sample)
    },
    /** Restores samples of an earlier run; coarse samples only where there are no finer ones. */
    restore(kept: { step: number; rows: number[][] }[]) {
      const known = new Set<number>()
      for (const { step, rows } of kept.toSorted((a, b) => a.step - b.step))
        for (const [second, ...sample] of rows) {
          const bucket = second! - (second! % LONG_STEP)
          if (step < COARSE.step) fine.add(second!, sample)
          else if (step === COARSE.step || !known.has(bucket)) coarse.add(second!, sample)
          if (step === COARSE.step) known.add(bucket)
        }
    },
    /** The samples from `from` (inclusive) to `to` (exclusive); with a coarse step, starting with the sample that contains `from`. */
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
  const seconds = new Uint32Array(slots) // the first second of the sample in each slot
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
