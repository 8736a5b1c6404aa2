/**
 * The quantile `share` (0–1) of a histogram, in the unit of `bounds`, interpolated linearly within its bucket. The buckets are
 * `counts[at…]`, one more than bounds; values beyond the last bound count as that bound. null: the histogram is empty.
 */
export function quantile(share: number, counts: ArrayLike<number>, at: number, bounds: number[]): number | null {
  let total = 0
  for (let i = 0; i <= bounds.length; i++) total += counts[at + i]!
  if (total === 0) return null
  let remaining = share * total
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[at + i]!
    const from = bounds[i - 1] ?? 0
    if (remaining <= count) return from + (bounds[i]! - from) * (remaining / count)
    remaining -= count
  }
  return bounds.at(-1)!
}
