// Delivers pending notifications by every channel: at once, then with growing delays, up to eight times within three minutes.
import type { Log } from '../../telemetry/logs.ts'
import type { OpenChannel } from './channel.ts'
import type { Ledger } from './ledger.ts'
import type { Notification } from './schema.ts'

const WAITS = [1, 4, 8, 16, 30, 60, 60].map((seconds) => seconds * 1000)

export type Counted = { channel: string; sent: number; failed: number; retried: number }

type Options = {
  channels: OpenChannel[]
  ledger: Ledger
  log: Log
  /** Called when the state of a delivery changed. */
  changed: () => void
  /** Called when no channel could deliver a notification. */
  undelivered: () => void
}

export function deliverer({ channels, ledger, log, changed, undelivered }: Options) {
  const inFlight = new Map<string, Promise<void>>()
  const earliest = new Map<string, number>()
  const counts = new Map<string, Counted>(channels.map(({ name }) => [name, { channel: name, sent: 0, failed: 0, retried: 0 }]))

  async function attempt(channel: OpenChannel, notification: Notification, attempts: number, key: string) {
    const outcome = await channel.send(notification)
    const count = counts.get(channel.name)!
    const at = new Date().toISOString()
    const about = {
      alert: notification.alert,
      notice: notification.kind,
      test: notification.test,
      channel: channel.name,
      attempts,
    }
    const note = (state: 'pending' | 'sent' | 'failed', reason: string | null) =>
      ledger.note(notification.id, { channel: channel.name, state, attempts, at, reason })
    if (outcome.sent) {
      count.sent++
      note('sent', outcome.reason ?? null)
      log.info({ ...about, ...(outcome.reason && { reason: outcome.reason }) }, 'notification delivered')
      return
    }
    const { reason, final, after = 0 } = outcome
    const wait = WAITS[attempts - 1]
    if (final || wait === undefined) {
      count.failed++
      note('failed', reason)
      log.error({ ...about, reason }, 'cannot deliver a notification')
      const { deliveries = [] } = ledger.all().find(({ id }) => id === notification.id) ?? {}
      if (deliveries.every(({ state }) => state === 'failed')) undelivered()
      return
    }
    count.retried++
    note('pending', reason)
    earliest.set(key, performance.now() + Math.max(wait, after))
    log.warn({ ...about, reason, again_in: Math.max(wait, after) / 1000 }, 'cannot deliver a notification: will try again')
  }

  return {
    counts: () => [...counts.values()],

    /** Starts every attempt that is due. A notification waits for earlier ones of the same alert: nothing recovers before it fired. */
    run() {
      const waiting = new Set<string>()
      for (const notification of ledger.all().toReversed())
        for (const { channel: name, state, attempts } of notification.deliveries) {
          const channel = channels.find((one) => one.name === name)
          if (state !== 'pending' || !channel) continue
          const line = `${name} ${notification.alert} ${notification.test}`
          const key = `${name} ${notification.id}`
          const free = !waiting.has(line) && !inFlight.has(key) && performance.now() >= (earliest.get(key) ?? 0)
          waiting.add(line)
          if (!free) continue
          const trying = attempt(channel, notification, attempts + 1, key).finally(() => {
            inFlight.delete(key)
            changed()
          })
          inFlight.set(key, trying)
        }
      for (const key of earliest.keys()) if (!ledger.all().some(({ id }) => key.endsWith(id))) earliest.delete(key)
    },

    settled: () => Promise.all(inFlight.values()),
  }
}
