import type { Result } from '../compare.ts'
import { compare, rowOf } from '../compare.ts'
import { startDatabase, startFloor, startWaypost } from '../servers.ts'

const body = JSON.stringify({ original_url: 'https://example.com/some/page?with=parameters' })

/** POST /urls, its event included, against a bare INSERT … RETURNING through postgres.js at the same concurrency. */
export async function create(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  const floor = await startFloor('insert', database.url)
  try {
    const loads = await compare([
      { name: 'bare INSERT … RETURNING', url: `${floor.url}/`, method: 'POST', body },
      { name: 'Waypost, POST /urls', url: `${waypost.url}/urls`, method: 'POST', body },
    ])
    const [base, made] = [...loads.values()]
    return {
      scenario: 'create',
      about: 'A link and its event in one round trip, 64 connections, PostgreSQL on the same machine.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [{ name: 'create / bare insert', value: made!.rate / base!.rate, goal: 0.5 }],
      checks: [{ name: 'no create failed', held: made!.failed === 0, found: `${made!.ok} made, ${made!.failed} failed` }],
    }
  } finally {
    await Promise.all([waypost.stop(), floor.stop()])
    await database.end()
  }
}
