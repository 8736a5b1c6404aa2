// What the replicas say about themselves while something is wrong: metrics, log, alerts, and the list of the fleet.
import type { Signs } from './fault.ts'
import type { Fleet, Member } from './fleet.ts'

/** The line that showed it; undefined: it was to show and did not. */
export type Evidence = { [Kind in keyof Signs]?: string | undefined }

const EVERY = 400
const WHERE: Record<keyof Signs, string> = {
  metric: '/metrics',
  log: '/logs?limit=200',
  alert: '/alert-status',
  fleet: '/api/fleet',
}

/** Looks until each sign was seen. `since` leaves older lines of the log out. */
export function lookFor(signs: Signs, { members }: Fleet) {
  const found: Evidence = {}
  const wanted = Object.keys(signs) as (keyof Signs)[]
  for (const kind of wanted) found[kind] = undefined
  const since = new Date(Date.now() - 100).toISOString()
  let stopped = false

  async function look(member: Member, kind: keyof Signs) {
    const response = await member.ask(WHERE[kind])
    const said = linesOf(kind, await response.text(), since).find((line) => signs[kind]!.test(line))
    if (said) found[kind] ??= said.slice(0, 160)
  }

  async function lookAround() {
    const missing = wanted.filter((kind) => !found[kind])
    await Promise.all(members.flatMap((member) => missing.map((kind) => look(member, kind).catch(() => {}))))
  }

  const looking = (async () => {
    while (!stopped && wanted.some((kind) => !found[kind])) {
      await lookAround()
      await Bun.sleep(EVERY)
    }
  })()

  return async (): Promise<Evidence> => {
    stopped = true
    await looking
    await lookAround()
    return found
  }
}

function linesOf(kind: keyof Signs, text: string, since: string): string[] {
  if (kind === 'metric') return text.split('\n')
  const said = JSON.parse(text)
  if (kind === 'alert')
    return Object.entries(said as Record<string, { state: string }>).map(([name, { state }]) => `${name} ${state}`)
  const list: Record<string, unknown>[] = kind === 'log' ? said.logs : (said.replicas ?? said)
  return list
    .filter((one) => kind !== 'log' || stampOf(one) >= since)
    .map((one) => (kind === 'log' ? messageOf(one) : JSON.stringify(one)))
}

const stampOf = (line: Record<string, unknown>) => {
  const time = line.time ?? line.timestamp
  return typeof time === 'number' ? new Date(time).toISOString() : String(time)
}
const messageOf = (line: Record<string, unknown>) => String(line.msg ?? line.message ?? JSON.stringify(line))
