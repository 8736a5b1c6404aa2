import type { Result } from '../compare.ts'
import { compare, rowOf } from '../compare.ts'
import { clicksStored, createLink } from '../product.ts'
import { startDatabase, startFloor, startWaypost } from '../servers.ts'

/** A hit of the memory cache with its click recorded, against a constant 302 of bare Bun.serve. */
export async function redirect(): Promise<Result> {
  const database = await startDatabase()
  const floor = await startFloor('redirect')
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  try {
    const link = await createLink(waypost.url)
    const loads = await compare([
      { name: 'bare Bun.serve, constant 302', url: `${floor.url}/abcdef` },
      { name: 'Waypost, hit with its click', url: `${waypost.url}/${link.short_code}` },
    ])
    const [base, hit] = [...loads.values()]
    const clicks = await clicksStored(waypost.url, database.url, link.id)
    return {
      scenario: 'redirect',
      about: 'One known code, 64 connections.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [{ name: 'hit / floor', value: hit!.rate / base!.rate, goal: 0.65 }],
      checks: [clicks],
    }
  } finally {
    await Promise.all([waypost.stop(), floor.stop()])
    await database.end()
  }
}
