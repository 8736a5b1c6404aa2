// Notifies operators of alerts. Every two seconds: elect the sender, query all replicas for firing alerts, decide what is due, deliver it.
import { Value } from '@sinclair/typebox/value'
import { waitAtMost } from '../../base/time-limit.ts'
import type { Config } from '../../config/config.ts'
import type { OpenDatabase } from '../../database/open.ts'
import type { Fleetwide } from '../../fleet/ask.ts'
import { nameOf } from '../../fleet/name.ts'
import type { Replica } from '../../fleet/schema.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Alerts } from '../alerts/watch.ts'
import { CHANNELS } from './channels.ts'
import { deliverer } from './delivery.ts'
import { incidents } from './incidents.ts'
import { createLedger } from './ledger.ts'
import { Standing } from './schema.ts'
import { senderElection } from './sender.ts'
import { notificationStore } from './store.ts'

const EVERY = 2_000
const RUNBOOK = 'docs/runbook.md'

export type Notifications = ReturnType<typeof openNotifications>

type Parts = {
  config: Config
  database: OpenDatabase
  alerts: Alerts
  fleet: Pick<Fleetwide, 'all'>
  self: () => Replica
  metrics: Metrics
  log: Log
}

/** Does nothing if no channel is configured. Call `start` when the schema is ready. */
export function openNotifications({ config, database, alerts, fleet, self, metrics, log }: Parts) {
  const { id } = self()
  const runbook = config.RUNBOOK_URL ?? RUNBOOK
  const channels = CHANNELS.flatMap(({ open }) => open(config, runbook) ?? [])
  const ledger = createLedger()
  const watch = incidents(id, ledger)
  const store = database.alone ? undefined : notificationStore(database)
  const databaseUp = () => database.state() === 'up'
  const sender = senderElection({ id, store, databaseUp, peers })
  const delivery = deliverer({ channels, ledger, log, changed, undelivered: () => void sender.fail() })
  let timer: Timer | undefined
  let inFlight: Promise<void> | undefined
  let again = false
  let unsaved = false
  let stopped = false

  const firing = () =>
    alerts
      .list()
      .filter(({ state }) => state === 'firing')
      .map(({ state: _, until: __, good_since: ___, ...one }) => one)

  async function peers(): Promise<Standing[]> {
    const { answers } = await fleet.all('/api/notices').catch(() => ({ answers: [] }))
    return answers.map(({ body }) => body).filter((body) => Value.Check(Standing, body))
  }

  async function round() {
    const before = sender.is()
    const decided = await sender.seek()
    ledger.merge(decided.notices)
    if (stopped || !decided.sender) return
    const others = store ? await peers() : []
    for (const { notices } of others) ledger.merge(notices)
    const now = Date.now()
    if (!before) {
      watch.begin(now)
      unsaved = true // the database may not have what this replica received yet
    }
    for (const draft of watch.due([{ id, replica: nameOf(self()), firing: firing() }, ...others], now)) {
      const deliveries = channels.map(({ name }) => ({
        channel: name,
        state: 'pending' as const,
        attempts: 0,
        at: null,
        reason: null,
      }))
      ledger.add({ ...draft, id: Bun.randomUUIDv7(), by: id, deliveries })
      unsaved = true
    }
    await record() // before sending, so that a new sender knows what is pending
    delivery.run()
  }

  function changed() {
    unsaved = true
    check()
  }

  async function record() {
    if (!unsaved || !store || !sender.lease() || !databaseUp()) return
    unsaved = false
    await store.record(id, [...ledger.all()]).catch(() => {
      unsaved = true
    })
  }

  /** One round at a time; any number of calls during a round schedule one more. */
  function check() {
    if (!timer || stopped) return
    if (inFlight) {
      again = true
      return
    }
    again = false
    inFlight = round()
      .catch((error) => log.error({ err: error }, 'cannot process notifications: will try again'))
      .finally(() => {
        inFlight = undefined
        if (again) check()
      })
  }

  if (channels.length > 0) {
    const counted = (pick: 'sent' | 'failed') =>
      delivery.counts().map((one) => ({ labels: { channel: one.channel, outcome: pick }, value: one[pick] }))
    metrics.expose('notices_total', 'counter', 'Notifications of alerts, by channel: delivered, or given up.', () => [
      ...counted('sent'),
      ...counted('failed'),
    ])
    metrics.expose('notice_retries_total', 'counter', 'Delivery attempts that failed and were retried.', () =>
      delivery.counts().map(({ channel, retried }) => ({ labels: { channel }, value: retried })),
    )
    metrics.expose('notice_sender', 'gauge', '1 on the replica that sends notifications for the fleet.', () => [
      { value: sender.is() ? 1 : 0 },
    ])
  }

  return {
    /** Runs a round now, because an alert changed. */
    check,
    start() {
      if (channels.length === 0) return
      timer = setInterval(check, EVERY)
      check()
    },
    /** The state of this replica, and the fleet's last notifications. */
    standing: (): Standing => ({
      id,
      replica: nameOf(self()),
      channels: channels.map(({ name }) => name),
      sender: sender.is(),
      lease: sender.lease(),
      able: sender.able(),
      firing: firing(),
      notices: [...ledger.all()],
    }),
    /** Finishes what is in flight, within `ms`, and lets another replica take over. */
    async stop(ms: number) {
      stopped = true
      clearInterval(timer)
      if (!timer) return
      await waitAtMost(Promise.all([inFlight, delivery.settled()]), ms)
      await record()
      await sender.leave()
    },
  }
}
