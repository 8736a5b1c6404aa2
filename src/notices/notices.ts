// Tells people what fires. Every two seconds: who sends; what fires where, asked of every replica; what of that must be told; and off it goes.
import { Value } from '@sinclair/typebox/value'
import type { Config } from '../config.ts'
import type { OpenDatabase } from '../database/connect.ts'
import type { Fleetwide } from '../fleet/ask.ts'
import type { Replica } from '../fleet/schema.ts'
import type { Alerts } from '../telemetry/alerts.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { deliverer } from './delivery.ts'
import { emailChannel } from './email.ts'
import { incidents } from './incidents.ts'
import { createLedger } from './ledger.ts'
import { Standing } from './schema.ts'
import { senderElection } from './sender.ts'
import { noticeStore } from './store.ts'
import { webhookChannel } from './webhook.ts'

const EVERY = 2_000
const RUNBOOK = 'docs/runbook.md'

/** Host and port: replicas on one machine differ by the port. */
function nameOf({ hostname, url, slot }: Replica): string {
  const port = URL.parse(url ?? '')?.port
  return port ? `${hostname}:${port}` : `${hostname} slot ${slot}`
}

export type Notices = ReturnType<typeof openNotices>

type Parts = {
  config: Config
  database: OpenDatabase
  alerts: Alerts
  fleet: Pick<Fleetwide, 'all'>
  self: () => Replica
  metrics: Metrics
  log: Log
}

/** Nothing of it runs where neither SMTP_HOST nor ALERT_WEBHOOK_URL is set. `start` when the schema is there. */
export function openNotices({ config, database, alerts, fleet, self, metrics, log }: Parts) {
  const { id } = self()
  const runbook = config.RUNBOOK_URL ?? RUNBOOK
  const channels = [emailChannel(config, runbook), webhookChannel(config, runbook)].filter((one) => one !== undefined)
  const ledger = createLedger()
  const watch = incidents(id, ledger)
  const store = database.address.kind === 'embedded' ? undefined : noticeStore(database)
  const databaseUp = () => database.state() === 'up'
  const sender = senderElection({ id, store, databaseUp, peers })
  const delivery = deliverer({ channels, ledger, log, changed, unheard: () => void sender.fail() })
  let timer: Timer | undefined
  let underWay: Promise<void> | undefined
  let again = false
  let unrecorded = false
  let stopped = false

  const firing = () =>
    alerts
      .list()
      .filter(({ state }) => state === 'firing')
      .map(({ state: _, ...one }) => one)

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
      unrecorded = true // others may not know yet what this replica heard
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
      unrecorded = true
    }
    await record() // before it is sent: who takes over knows what to go on with
    delivery.run()
  }

  function changed() {
    unrecorded = true
    look()
  }

  async function record() {
    if (!unrecorded || !store || !sender.lease() || !databaseUp()) return
    unrecorded = false
    await store.record(id, [...ledger.all()]).catch(() => {
      unrecorded = true
    })
  }

  /** One at a time; what happens meanwhile makes one more. */
  function look() {
    if (!timer || stopped) return
    if (underWay) {
      again = true
      return
    }
    again = false
    underWay = round()
      .catch((error) => log.error({ err: error }, 'notices could not be looked after; it is tried again'))
      .finally(() => {
        underWay = undefined
        if (again) look()
      })
  }

  if (channels.length > 0) {
    const counted = (pick: 'sent' | 'failed') =>
      delivery.counts().map((one) => ({ labels: { channel: one.channel, outcome: pick }, value: one[pick] }))
    metrics.expose('notices_total', 'counter', 'Notices of alerts, by channel: delivered, or given up.', () => [
      ...counted('sent'),
      ...counted('failed'),
    ])
    metrics.expose('notice_retries_total', 'counter', 'Attempts that failed and were made again.', () =>
      delivery.counts().map(({ channel, retried }) => ({ labels: { channel }, value: retried })),
    )
    metrics.expose('notice_sender', 'gauge', '1 on the replica that sends for the fleet.', () => [{ value: sender.is() ? 1 : 0 }])
  }

  return {
    /** Looks now: an alert changed. */
    look,
    start() {
      if (channels.length === 0) return
      timer = setInterval(look, EVERY)
      look()
    },
    /** How this replica stands, and what was told of the fleet. */
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
    /** Lets what is under way end, within `ms`, and another replica go on. */
    async stop(ms: number) {
      stopped = true
      clearInterval(timer)
      if (!timer) return
      await Promise.race([Promise.all([underWay, delivery.settled()]), Bun.sleep(ms)])
      await record()
      await sender.leave()
    },
  }
}
