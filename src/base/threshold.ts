// Hysteresis over a measure: between its two limits the state stays. monitor/steady.ts does the same over time.

/**
 * Tracks whether a share is too high: set above `over`, cleared at `under` or below. The returned function takes each measurement, returns the
 * state, and calls `crossed` when it changes.
 */
export function threshold(over: number, under: number, crossed: (tooHigh: boolean) => void) {
  let tooHigh = false
  return (share: number): boolean => {
    const now = share > (tooHigh ? under : over)
    if (now !== tooHigh) crossed(now)
    tooHigh = now
    return now
  }
}
