/**
 * The value below which `share` of a histogram lies, in the unit of `bounds`: in the bucket that holds it, as if its values were spread evenly.
 * The buckets are `counts[at…]`, one more than bounds; what is beyond the last bound counts as that bound. null: nothing was counted.
 */
export function quantile(share: number, counts: ArrayLike<number>, at: number, bounds: number[]): number | null {
  let total = 0
  for (let i = 0; i <= bounds.length; i++) total += counts[at + i]!
  if (total === 0) return null
  let wanted = share * total
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[at + i]!
    const from = bounds[i - 1] ?? 0
    if (wanted <= count) return from + (bounds[i]! - from) * (wanted / count)
    wanted -= count
  }
  return bounds.at(-1)!
}
