import { Value } from '@sinclair/typebox/value'
import type { Config } from '../config/config.ts'
import { CHANNELS } from '../monitor/notifications/channels.ts'
import { type Notification, Standing } from '../monitor/notifications/schema.ts'
import { ask, baseOf } from './ask.ts'

const DELIVERED_WITHIN = 60_000
const EVERY = 500

/** Fires each alert as a test on the server with these settings. Exits 0 if every channel delivered every notification. */
export async function drillAlerts(config: Config) {
  try {
    process.exitCode = (await drill(config)) ? 0 : 1
  } catch (error) {
    console.error(`waypost: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function drill(config: Config): Promise<boolean> {
  const { channels, notices } = await notificationState(config)
  if (channels.length === 0)
    throw new Error(`notifications are not configured on the server: set ${CHANNELS.map(({ needs }) => needs).join(', or ')}`)
  const before = new Set(notices.map(({ id }) => id))
  const names = (await alertsOf(config)).map(({ name }) => name)
  const started = performance.now()
  for (const name of names) await ask(baseOf(config), config, 'POST', `/api/alerts/${name}/test`)
  const firingForReal = new Set((await alertsOf(config)).flatMap(({ name, test }) => (test ? [] : [name]))) // a test of these sends nothing

  const waiting = new Map<string, Notification | undefined>(names.map((name) => [name, undefined]))
  let allDelivered = true
  while (waiting.size > 0 && performance.now() - started < DELIVERED_WITHIN) {
    await Bun.sleep(EVERY)
    const { notices: known } = await notificationState(config).catch(() => ({ notices: [] }))
    for (const notification of known.toReversed()) {
      const { alert, kind, test } = notification
      const real = firingForReal.has(alert)
      const newest = known.find((one) => one.alert === alert && one.kind === 'firing' && one.test === test) === notification
      const ours = waiting.has(alert) && kind === 'firing' && test !== real && (real ? newest : !before.has(notification.id))
      if (!ours) continue
      waiting.set(alert, notification)
      if (notification.deliveries.some(({ state }) => state === 'pending')) continue
      waiting.delete(alert)
      const delivered = notification.deliveries.every(({ state }) => state === 'sent')
      allDelivered &&= delivered
      report(alert, delivered, `${deliveriesOf(notification)}${real ? ' (it is firing for real)' : ''}`)
    }
  }
  for (const [name, notification] of waiting)
    report(
      name,
      false,
      notification ? deliveriesOf(notification) : `no notification within ${DELIVERED_WITHIN / 1000} s: see the server’s log`,
    )
  return allDelivered && waiting.size === 0
}

const report = (name: string, delivered: boolean, how: string) =>
  console.log(`${name.padEnd(17)}  ${delivered ? 'delivered' : 'FAILED   '}  ${how}`)

const deliveriesOf = ({ deliveries }: Notification) =>
  deliveries
    .map(({ channel, state, attempts, reason }) => {
      const after = attempts > 1 ? ` at attempt ${attempts}` : ''
      return `${channel}: ${state}${after}${reason ? `, ${reason}` : ''}`
    })
    .join(' · ')

/** The current alerts; `test` is also false for an alert that fires for real during its test. */
async function alertsOf(config: Config): Promise<{ name: string; test: boolean }[]> {
  const { alerts } = (await ask(baseOf(config), config, 'GET', '/api/alerts')) as { alerts?: { name: string; test: boolean }[] }
  return alerts ?? []
}

async function notificationState(config: Config): Promise<Standing> {
  const body = await ask(baseOf(config), config, 'GET', '/api/notices')
  if (!Value.Check(Standing, body)) throw new Error('the server’s answer on notifications is invalid: it may run another release')
  return body
}
