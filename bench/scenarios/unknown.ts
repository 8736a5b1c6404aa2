import { SIX } from '../clients.ts'
import { compare, type Result, rowOf } from '../compare.ts'
import { startDatabase, startFloor, startWaypost } from '../servers.ts'

/** Codes that no link has, each another, against a constant 404 with a JSON body of bare Bun.serve. */
export async function unknown(): Promise<Result> {
  const database = await startDatabase()
  const floor = await startFloor('missing')
  const waypost = await startWaypost({ DATABASE_URL: database.url, TRUSTED_PROXIES: '1' })
  try {
    await Bun.sleep(1_500) // the copy is whole
    const loads = await compare(
      [
        { name: 'bare Bun.serve, constant 404', url: `${floor.url}/abcdef`, headers: SIX },
        { name: 'Waypost, unknown codes', url: waypost.url, unknown: true, headers: SIX },
      ],
      { rounds: 5, seconds: 3 },
    )
    const [base, made] = [...loads.values()]
    return {
      scenario: 'unknown',
      about:
        'Random codes that no link has, 64 connections. Each is looked up in the edge copy and in the database, many with one query.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [{ name: '404 / floor', value: made!.rate / base!.rate, goal: 0.6 }],
      checks: [{ name: 'every answer is a 404', held: made!.ok === 0 && made!.failed > 0, found: `${made!.ok} others` }],
    }
  } finally {
    await Promise.all([waypost.stop(), floor.stop()])
    await database.end()
  }
}
