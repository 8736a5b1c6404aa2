import { join } from 'node:path'
import { until } from '../../test/until.ts'
import { type Result, round } from '../compare.ts'
import { chart } from '../users/chart.ts'
import { clicksSince, onFleet, storedClicks } from '../users/fleet.ts'
import { faultless, MIX, P95_GOAL, rowsOf } from '../users/result.ts'
import { startUsers } from '../users/users.ts'

const USERS = 500

/** kill -9 of each of three replicas in turn under 500 users, each started again after `pause` seconds. Also draws docs/load-tests/kill.svg. */
export async function kill({ pause = 5 } = {}): Promise<Result> {
  return onFleet(async ({ cluster, url, workload }) => {
    const before = await storedClicks(cluster)
    const work = startUsers(url, workload, USERS)
    const marks: { at: number; text: string }[] = []
    const mark = (text: string) => marks.push({ at: work.tally.seconds(), text })
    await Bun.sleep(pause * 1000)
    for (const [i, replica] of cluster.replicas.entries()) {
      mark(`kill -9 of ${i + 1}`)
      replica.kill('SIGKILL')
      await until('it is dead', async () => !replica.lives(), 5_000)
      await Bun.sleep(pause * 1000)
      await replica.start()
      mark(`${i + 1} is back`)
      await Bun.sleep(pause * 1000)
    }
    const run = await work.stop()
    const answered = run.tally.latencies('redirect').requests
    const stored = await clicksSince(cluster, before, answered)
    const file = join(import.meta.dir, '../../docs/load-tests/kill.svg')
    await Bun.write(
      file,
      chart('Latency while replicas are killed', [{ title: `${USERS} users`, series: run.tally.series(), marks }], P95_GOAL),
    )
    const faults = Object.entries(run.tally.faults())
    const gets = Object.fromEntries(faults.filter(([fault]) => !fault.startsWith('shorten')))
    const posts = Object.fromEntries(faults.filter(([fault]) => fault.startsWith('shorten')))
    return {
      scenario: 'kill',
      about: `Three replicas behind nginx, each killed (kill -9) in turn under ${USERS} users and started again ${pause} s later, ${round(run.seconds, 0)} s in all. ${MIX}`,
      rows: rowsOf(run),
      ratios: [],
      checks: [
        faultless('no GET failed', gets),
        {
          name: 'clicks stored = redirects answered, or more by those that a replica had journalled but not answered when it was killed',
          held: stored >= answered && stored <= answered + USERS,
          found: `${stored} stored, ${answered} answered`,
        },
      ],
      notes: [
        `POSTs that failed: ${faultless('', posts).found}. One that a replica may have done is not sent to another: the link would be made twice.`,
      ],
    }
  })
}
