import { BROWSER } from '../clients.ts'
import type { Result } from '../compare.ts'
import { rowOf } from '../compare.ts'
import { ceiling } from '../load.ts'
import { clicksStored, createLink } from '../product.ts'
import { memoryText, startDatabase, startWaypost } from '../servers.ts'

const AWAY = 60

/** The database stopped for 60 seconds under load: nothing fails, every click is stored afterwards, while redirects go on. */
export async function away(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  try {
    const link = await createLink(waypost.url)
    const hit = { url: `${waypost.url}/${link.short_code}`, headers: BROWSER, connections: 16 }
    await Bun.sleep(1_500)
    const before = await ceiling({ ...hit, seconds: 5 })
    const memoryBefore = await memoryText(waypost.pid)
    await database.stop()
    const during = await ceiling({ ...hit, seconds: AWAY })
    const memoryDuring = await memoryText(waypost.pid)
    await database.start()
    const returned = performance.now()
    const after = await ceiling({ ...hit, seconds: 10 })
    const clicks = await clicksStored(waypost.url, database.url, link.id, 600_000)
    const drained = (performance.now() - returned) / 1000
    return {
      scenario: 'away',
      about: `PostgreSQL stopped for ${AWAY} s under load (16 connections, as fast as they can), then started again while the load goes on.`,
      rows: [
        rowOf('before', before),
        rowOf('database away', during),
        rowOf('database back, draining', after),
        {
          name: 'memory before / at its end, MB (of it pages of files)',
          figures: { 'per second': `${memoryBefore} / ${memoryDuring}` },
        },
        { name: 'all clicks stored after, s', figures: { 'per second': Math.round(drained) } },
      ],
      ratios: [{ name: 'p99 while draining / before', value: after.p99 / before.p99, goal: 2, atMost: true }],
      checks: [
        clicks,
        {
          name: 'no redirect failed',
          held: before.failed + during.failed + after.failed === 0,
          found: `${during.failed} of ${during.ok} failed while away`,
        },
      ],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}
