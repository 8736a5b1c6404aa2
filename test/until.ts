/** ms. What is promised within a second may take long on a machine that is busy with other tests. */
const WITHIN = 60_000

/** Looks again and again until it is so, `within` ms; `what` says what never was. A look that throws counts as no. */
export async function until(what: string | (() => string), isSo: () => unknown, within = WITHIN) {
  const deadline = performance.now() + within
  for (;;) {
    let why = ''
    try {
      if (await isSo()) return
    } catch (error) {
      why = ` (${error})`
    }
    if (performance.now() > deadline)
      throw new Error(`not within ${within / 1000} s: ${typeof what === 'string' ? what : what()}${why}`)
    await Bun.sleep(30)
  }
}
