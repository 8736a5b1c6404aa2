import type { Result } from '../compare.ts'
import { compare, rowOf } from '../compare.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, startFloor, startWaypost } from '../servers.ts'

/** GET /urls, 20 of 2,000 links, against its bare SELECT through postgres.js. */
export async function list(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  await fillLinks(database.url, 2_000)
  const floor = await startFloor('select', database.url)
  try {
    const loads = await compare([
      { name: 'bare SELECT of 20', url: `${floor.url}/` },
      { name: 'Waypost, GET /urls', url: `${waypost.url}/urls` },
    ])
    const [base, listed] = [...loads.values()]
    return {
      scenario: 'list',
      about: '20 of 2,000 links, 64 connections.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [{ name: 'list / bare select', value: listed!.rate / base!.rate, goal: 0.5 }],
      checks: [{ name: 'no list failed', held: listed!.failed === 0, found: `${listed!.failed} failed` }],
    }
  } finally {
    await Promise.all([waypost.stop(), floor.stop()])
    await database.end()
  }
}
