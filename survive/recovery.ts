// When all is as it was: every replica ready, nothing waiting in a journal, and a change obeyed by all of them.
import type { Fleet } from './fleet.ts'

const LOOK_EVERY = 50
const GIVE_UP_AFTER = 40_000

/** A link of its own, which the ledger does not know. */
export async function openProbe({ url, token, members }: Fleet) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const ask = (method: string, path: string, body: unknown) =>
    fetch(url + path, { method, headers, body: JSON.stringify(body), keepalive: false, signal: AbortSignal.timeout(3_000) })
  const made = await ask('POST', '/urls', { original_url: 'https://probe.example/0', short_code: 'survive-probe' })
  const { id } = (await made.json()) as { id: number }
  let changes = 0

  async function isReady(): Promise<string | undefined> {
    for (const member of members) {
      const { status, clicks } = (await (await member.ask('/ready')).json()) as { status: string; clicks: { backlog: number } }
      if (status !== 'ready') return `replica ${member.number} is ${status}`
      if (clicks.backlog > 50) return `replica ${member.number} has ${clicks.backlog} clicks waiting`
    }
    return undefined
  }

  async function isObeyed(): Promise<string | undefined> {
    const target = `https://probe.example/${++changes}`
    const { status } = await ask('PATCH', `/urls/${id}`, { original_url: target })
    if (status !== 200) return `a change is answered ${status}`
    const until = Date.now() + 2_000
    for (;;) {
      const led = await Promise.all(
        members.map(async (member) => (await member.ask('/survive-probe', { method: 'HEAD' })).headers.get('location')),
      )
      const late = led.findIndex((location) => location !== target)
      if (late < 0) return undefined
      if (Date.now() > until) return `replica ${late + 1} does not obey a change`
      await Bun.sleep(LOOK_EVERY)
    }
  }

  /** Seconds until all is well, and what was wrong last before; `seconds` undefined where that took too long. */
  return async function recovered(): Promise<{ seconds: number | undefined; last: string | undefined }> {
    const began = performance.now()
    let last: string | undefined
    for (;;) {
      const wrong = await isReady()
        .then((wrong) => wrong ?? isObeyed())
        .catch((error) => `${(error as Error).name}: ${(error as Error).message}`)
      const seconds = (performance.now() - began) / 1000
      if (!wrong) return { seconds, last }
      last = wrong
      if (seconds * 1000 > GIVE_UP_AFTER) return { seconds: undefined, last }
      await Bun.sleep(LOOK_EVERY)
    }
  }
}
