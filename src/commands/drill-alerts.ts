import { Value } from '@sinclair/typebox/value'
import type { Config } from '../config.ts'
import { type Notice, Standing } from '../notices/schema.ts'
import { ask, baseOf } from './ask.ts'

const NOTICES_WITHIN = 60_000
const EVERY = 500

/** Fires each alert as a test on the server that these settings describe; exits 0 where every notice was delivered by every channel. */
export async function drillAlerts(config: Config) {
  try {
    process.exitCode = (await drill(config)) ? 0 : 1
  } catch (error) {
    console.error(`waypost: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function drill(config: Config): Promise<boolean> {
  const { channels, notices } = await standing(config)
  if (channels.length === 0)
    throw new Error(
      'notices are not set up on the server: it wants SMTP_HOST, ALERT_EMAIL_FROM and ALERT_EMAIL_TO, or ALERT_WEBHOOK_URL',
    )
  const before = new Set(notices.map(({ id }) => id))
  const names = (await alertsOf(config)).map(({ name }) => name)
  const started = performance.now()
  for (const name of names) await ask(baseOf(config), config, 'POST', `/api/alerts/${name}/test`)
  const inEarnest = new Set((await alertsOf(config)).flatMap(({ name, test }) => (test ? [] : [name]))) // a test of these tells nobody

  const waiting = new Map<string, Notice | undefined>(names.map((name) => [name, undefined]))
  let allDelivered = true
  while (waiting.size > 0 && performance.now() - started < NOTICES_WITHIN) {
    await Bun.sleep(EVERY)
    const { notices: known } = await standing(config).catch(() => ({ notices: [] }))
    for (const notice of known.toReversed()) {
      const { alert, kind, test } = notice
      const real = inEarnest.has(alert)
      const newest = known.find((one) => one.alert === alert && one.kind === 'firing' && one.test === test) === notice
      const ours = waiting.has(alert) && kind === 'firing' && test !== real && (real ? newest : !before.has(notice.id))
      if (!ours) continue
      waiting.set(alert, notice)
      if (notice.deliveries.some(({ state }) => state === 'pending')) continue
      waiting.delete(alert)
      const delivered = notice.deliveries.every(({ state }) => state === 'sent')
      allDelivered &&= delivered
      report(alert, delivered, `${saying(notice)}${real ? ' (it fires in earnest)' : ''}`)
    }
  }
  for (const [name, notice] of waiting)
    report(name, false, notice ? saying(notice) : `no notice within ${NOTICES_WITHIN / 1000} s: the server’s log says why`)
  return allDelivered && waiting.size === 0
}

const report = (name: string, delivered: boolean, how: string) =>
  console.log(`${name.padEnd(17)}  ${delivered ? 'delivered' : 'FAILED   '}  ${how}`)

const saying = ({ deliveries }: Notice) =>
  deliveries
    .map(({ channel, state, attempts, reason }) => {
      const after = attempts > 1 ? ` at attempt ${attempts}` : ''
      return `${channel}: ${state}${after}${reason ? `, ${reason}` : ''}`
    })
    .join(' · ')

/** As they stand; `test` is false also for one that fires in earnest while it is tried. */
async function alertsOf(config: Config): Promise<{ name: string; test: boolean }[]> {
  const { alerts } = (await ask(baseOf(config), config, 'GET', '/api/alerts')) as { alerts?: { name: string; test: boolean }[] }
  return alerts ?? []
}

async function standing(config: Config): Promise<Standing> {
  const body = await ask(baseOf(config), config, 'GET', '/api/notices')
  if (!Value.Check(Standing, body)) throw new Error('the server is of another version: it says nothing of notices')
  return body
}
