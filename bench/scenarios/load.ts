import { join } from 'node:path'
import { type Result, round } from '../compare.ts'
import { chart } from '../users/chart.ts'
import { clicksSince, onFleet, storedClicks } from '../users/fleet.ts'
import { faultless, MIX, P95_GOAL, processorsOf, rowsOf } from '../users/result.ts'
import { type Run, startUsers } from '../users/users.ts'

const USERS = [50, 200, 500]

/** The mix of health, shorten, list and redirect at 50, 200 and 500 users, on three replicas behind nginx. Also draws docs/load-tests/load.svg. */
export async function load({ seconds = 60 } = {}): Promise<Result> {
  return onFleet(async ({ cluster, url, workload }) => {
    const before = await storedClicks(cluster)
    const runs: Run[] = []
    for (const users of USERS) {
      const work = startUsers(url, workload, users)
      await Bun.sleep(seconds * 1000)
      runs.push(await work.stop())
    }
    const answered = runs.reduce((sum, { tally }) => sum + tally.latencies('redirect').requests, 0)
    const stored = await clicksSince(cluster, before, answered)
    const panels = runs.map(({ users, tally }) => ({ title: `${users} users`, series: tally.series() }))
    const file = join(import.meta.dir, '../../docs/load-tests/load.svg')
    await Bun.write(file, chart('Latency at 50, 200 and 500 users', panels, P95_GOAL))
    return {
      scenario: 'load',
      about: `${seconds} s each. ${MIX}`,
      rows: runs.flatMap(rowsOf),
      ratios: runs.map(({ users, tally }) => ({
        name: `p95 at ${users} users, ms`,
        value: round(tally.latencies().p95, 1),
        goal: P95_GOAL,
        atMost: true,
      })),
      checks: [
        ...runs.map(({ users, tally }) => faultless(`no request of ${users} users failed`, tally.faults())),
        {
          name: 'clicks stored = redirects answered',
          held: stored === answered,
          found: `${stored} stored, ${answered} answered`,
        },
      ],
      notes: runs.map(processorsOf),
    }
  })
}
