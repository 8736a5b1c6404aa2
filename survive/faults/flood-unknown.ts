import { type Fault, grown } from '../fault.ts'

const AT_ONCE = 8

export const floodUnknown: Fault = {
  name: 'flood-unknown',
  about: 'Eight clients request unknown codes, one after another',
  signs: {
    metric: grown(/^waypost_rate_limited_total\{limit="unknown"\}$/),
    // The log says it when the alert begins, and the one of a flood two minutes ago may still fire.
    alert: /^unknown_flood firing/,
    console: /Someone is guessing short codes: \S+ requests for unknown codes were refused/,
  },
  atLeast: 8,
  async begin({ url }, { random, note }) {
    let going = true
    let asked = 0
    let failed = 0
    const flood = Array.from({ length: AT_ONCE }, async () => {
      while (going) {
        const { status } = await fetch(`${url}/u${random.whole(0, 1e9).toString(36)}`, { redirect: 'manual' }).catch(() => ({
          status: 0,
        }))
        asked++
        if (status !== 404 && status !== 429) failed++
        await Bun.sleep(10)
      }
    })
    return {
      async end() {
        going = false
        await Promise.all(flood)
        note(`${asked} asked, ${failed} answered neither 404 nor 429`)
      },
    }
  },
}
