// Delivers what is pending by every channel: at once, then again with growing waits, eight times within three minutes at most.
import type { Log } from '../telemetry/logs.ts'
import type { Channel } from './channel.ts'
import type { Ledger } from './ledger.ts'
import type { Notice } from './schema.ts'

const WAITS = [1, 4, 8, 16, 30, 60, 60].map((seconds) => seconds * 1000)

export type Counted = { channel: string; sent: number; failed: number; retried: number }

type Options = {
  channels: Channel[]
  ledger: Ledger
  log: Log
  /** A delivery stands otherwise than before. */
  changed: () => void
  /** No channel took this notice. */
  unheard: () => void
}

export function deliverer({ channels, ledger, log, changed, unheard }: Options) {
  const underWay = new Map<string, Promise<void>>()
  const notBefore = new Map<string, number>()
  const counts = new Map<string, Counted>(channels.map(({ name }) => [name, { channel: name, sent: 0, failed: 0, retried: 0 }]))

  async function attempt(channel: Channel, notice: Notice, attempts: number, key: string) {
    const outcome = await channel.send(notice)
    const count = counts.get(channel.name)!
    const at = new Date().toISOString()
    const about = { alert: notice.alert, notice: notice.kind, test: notice.test, channel: channel.name, attempts }
    const note = (state: 'pending' | 'sent' | 'failed', reason: string | null) =>
      ledger.note(notice.id, { channel: channel.name, state, attempts, at, reason })
    if (outcome.sent) {
      count.sent++
      note('sent', outcome.reason ?? null)
      log.info({ ...about, ...(outcome.reason && { reason: outcome.reason }) }, 'a notice was delivered')
      return
    }
    const { reason, final, after = 0 } = outcome
    const wait = WAITS[attempts - 1]
    if (final || wait === undefined) {
      count.failed++
      note('failed', reason)
      log.error({ ...about, reason }, 'a notice could not be delivered')
      const { deliveries = [] } = ledger.all().find(({ id }) => id === notice.id) ?? {}
      if (deliveries.every(({ state }) => state === 'failed')) unheard()
      return
    }
    count.retried++
    note('pending', reason)
    notBefore.set(key, performance.now() + Math.max(wait, after))
    log.warn({ ...about, reason, again_in: Math.max(wait, after) / 1000 }, 'a notice was not taken, it is tried again')
  }

  return {
    counts: () => [...counts.values()],

    /** Begins every attempt that is due. A later notice of an alert waits for the earlier one: nothing recovers before it fired. */
    run() {
      const waiting = new Set<string>()
      for (const notice of ledger.all().toReversed())
        for (const { channel: name, state, attempts } of notice.deliveries) {
          const channel = channels.find((one) => one.name === name)
          if (state !== 'pending' || !channel) continue
          const line = `${name} ${notice.alert} ${notice.test}`
          const key = `${name} ${notice.id}`
          const free = !waiting.has(line) && !underWay.has(key) && performance.now() >= (notBefore.get(key) ?? 0)
          waiting.add(line)
          if (!free) continue
          const trying = attempt(channel, notice, attempts + 1, key).finally(() => {
            underWay.delete(key)
            changed()
          })
          underWay.set(key, trying)
        }
      for (const key of notBefore.keys()) if (!ledger.all().some(({ id }) => key.endsWith(id))) notBefore.delete(key)
    },

    settled: () => Promise.all(underWay.values()),
  }
}
