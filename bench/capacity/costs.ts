import { BROWSER } from '../clients.ts'
import { type Result, round } from '../compare.ts'
import { ceiling } from '../load.ts'
import { clicksSince, onFleet, storedClicks } from '../users/fleet.ts'
import { processorTime } from '../users/processor.ts'
import { startUsers } from '../users/users.ts'
import { KINDS, type Kind } from '../users/workload.ts'

export const USERS = 200

/** CPU µs a request, above what an idle fleet takes. */
export async function costsOf(seconds: number) {
  return onFleet(async ({ cluster, url, workload }) => {
    const measure = async (users: number, kinds?: Kind[]) => {
      const work = startUsers(url, workload, users, kinds)
      await Bun.sleep(seconds * 1000)
      return work.stop()
    }
    const idle = (await measure(0)).processors
    const rows = [
      {
        name: 'idle fleet of three, cores',
        figures: {
          value: round(
            Object.values(idle).reduce((sum, each) => sum + each, 0),
            3,
          ),
        },
      },
    ] as Result['rows']
    const add = (name: string, spent: Record<string, number>, took: number, requests: number) => {
      const of = (program: string) =>
        Math.round((Math.max(0, (spent[program] ?? 0) - (idle[program] ?? 0) * took) / requests) * 1e6)
      rows.push({ name, figures: { replica: of('waypost'), nginx: of('nginx'), PostgreSQL: of('postgres') } })
    }
    for (const kind of KINDS) {
      const { processors, tally, seconds: took } = await measure(USERS, [kind])
      const spent = Object.fromEntries(Object.entries(processors).map(([program, cores]) => [program, cores * took]))
      add(`${kind}, µs of CPU a request`, spent, took, tally.latencies().requests)
    }
    const before = { clicks: await storedClicks(cluster), spent: processorTime(), at: performance.now() }
    const { ok } = await ceiling({ url: url.origin, codes: 10_000, seconds, headers: BROWSER })
    const clicks = await clicksSince(cluster, before.clicks, ok)
    const spent = Object.fromEntries(
      Object.entries(processorTime()).map(([program, time]) => [program, time - (before.spent[program] ?? 0)]),
    )
    add('redirect at the ceiling, its click stored, µs of CPU', spent, (performance.now() - before.at) / 1000, clicks)
    rows.push({
      name: 'redirects a second at the ceiling through nginx, all on two cores',
      figures: { value: Math.round(ok / seconds) },
    })
    return rows
  })
}
