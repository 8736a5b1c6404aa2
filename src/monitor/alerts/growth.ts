// The recent growth of counters. Uses the monotonic clock: after a jump of the system clock, a window could span days.

const MINUTE = 60_000
const APART = 1_000

/** The growth of each of `counts` within the last `minutes`. Must be called at every evaluation, even if the result is not needed. */
export type Grown = <Counts extends Record<string, number>>(minutes: number, counts: Counts) => Counts

export function followGrowth(): Grown {
  const samples: { at: number; counts: Record<string, number> }[] = []
  return (minutes, counts) => {
    const at = performance.now()
    const last = samples.at(-1)
    if (!last || at - last.at >= APART) samples.push({ at, counts })
    while (samples[0]!.at < at - minutes * MINUTE) samples.shift()
    const before = samples[0]!.counts
    return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count - before[name]!])) as typeof counts
  }
}
