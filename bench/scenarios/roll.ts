import { join } from 'node:path'
import { type Result, round } from '../compare.ts'
import { chart } from '../users/chart.ts'
import { clicksSince, onFleet, storedClicks } from '../users/fleet.ts'
import { faultless, MIX, P95_GOAL, rowsOf } from '../users/result.ts'
import { startUsers } from '../users/users.ts'

const USERS = 500

/** A rolling restart of three replicas under 500 users, with `pause` seconds before and after. Also draws docs/load-tests/roll.svg. */
export async function roll({ pause = 5 } = {}): Promise<Result> {
  return onFleet(async ({ cluster, url, workload }) => {
    const before = await storedClicks(cluster)
    const work = startUsers(url, workload, USERS)
    await Bun.sleep(pause * 1000)
    const began = work.tally.seconds()
    await cluster.roll()
    const ended = work.tally.seconds()
    await Bun.sleep(pause * 1000)
    const run = await work.stop()
    const answered = run.tally.latencies('redirect').requests
    const stored = await clicksSince(cluster, before, answered)
    const marks = [
      { at: began, text: 'rolling restart' },
      { at: ended, text: 'done' },
    ]
    const file = join(import.meta.dir, '../../docs/load-tests/roll.svg')
    await Bun.write(
      file,
      chart('Latency during a rolling restart', [{ title: `${USERS} users`, series: run.tally.series(), marks }], P95_GOAL),
    )
    return {
      scenario: 'roll',
      about: `Three replicas behind nginx, restarted one after another under ${USERS} users: each is passed over by nginx, stopped and started, ${round(ended - began, 0)} s for all three. ${MIX}`,
      rows: rowsOf(run),
      ratios: [],
      checks: [
        faultless('no request failed', run.tally.faults()),
        {
          name: 'clicks stored = redirects answered',
          held: stored === answered,
          found: `${stored} stored, ${answered} answered`,
        },
      ],
    }
  })
}
