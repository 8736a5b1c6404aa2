// Hysteresis for everything shown to people: a condition that was true counts as true until it was false for a while without a break.

export type Steady = ReturnType<typeof steady>

/**
 * `hold`: ms that a condition must be false before it counts as over. Measure at least every few seconds: time between measurements
 * counts as true.
 */
export function steady(hold: number) {
  /** Conditions that count as true, and since when (performance.now()) they have been false; undefined while true. */
  const goodSince = new Map<string, number | undefined>()

  return {
    /** Takes the measurement `so` of `name`; returns whether it counts as true. */
    is(name: string, so: boolean): boolean {
      if (so) goodSince.set(name, undefined)
      else if (goodSince.has(name)) {
        const since = goodSince.get(name) ?? performance.now()
        if (performance.now() - since >= hold) goodSince.delete(name)
        else goodSince.set(name, since)
      }
      return goodSince.has(name)
    },
    /** ms that `name` has been false while it still counts as true; undefined if it is true, or does not count as true. */
    goodFor(name: string): number | undefined {
      const since = goodSince.get(name)
      return since === undefined ? undefined : performance.now() - since
    },
  }
}
