import { join } from 'node:path'
import { BROWSER } from '../clients.ts'
import { compare, type Result, rowOf } from '../compare.ts'
import { ceiling, onCore, SHORT } from '../load.ts'
import { atRest, clicksStored, createLink } from '../product.ts'
import { startDatabase, startWaypost } from '../servers.ts'

const FLOOD = 1_000
const ROUNDS = SHORT ? 1 : 3

/** Hits while a scanner asks for 1,000 unknown codes a second. */
export async function flood(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  try {
    const link = await createLink(waypost.url)
    const hit = { name: 'hits alone', url: `${waypost.url}/${link.short_code}`, headers: BROWSER }
    const rates: { alone: number; flooded: number }[] = []
    const rest = atRest(database.url, waypost.url)
    const loads = await compare([hit], { rounds: 1, seconds: 2, rest })
    let flooded = [...loads.values()][0]!
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await ceiling({ ...hit, seconds: 3 })
      await rest()
      const scanner = scan(waypost.url)
      flooded = await ceiling({ ...hit, seconds: 3 })
      await scanner.stop()
      await rest()
      rates.push({ alone: alone.rate, flooded: flooded.rate })
    }
    rates.sort((a, b) => a.flooded / a.alone - b.flooded / b.alone)
    const median = rates[ROUNDS >> 1]!
    const clicks = await clicksStored(waypost.url, database.url, link.id)
    return {
      scenario: 'flood',
      about: `Hits at their ceiling, alone and while ${FLOOD} unknown codes a second are asked for; each 404 looks in the database, in batches.`,
      rows: [
        { name: 'hits alone', figures: { 'per second': Math.round(median.alone) } },
        {
          ...rowOf('hits during the flood', flooded),
          figures: { ...rowOf('', flooded).figures, 'per second': Math.round(median.flooded) },
        },
      ],
      ratios: [{ name: 'hits during the flood / alone', value: median.flooded / median.alone, goal: 0.9 }],
      checks: [clicks],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}

/** Asks for random codes until stopped, from the client's core: in this process it would take the server's time. */
function scan(url: string) {
  const child = Bun.spawn(onCore(1, [process.execPath, join(import.meta.dir, '../scanner.ts'), url, String(FLOOD)]))
  return {
    async stop() {
      child.kill()
      await child.exited
    },
  }
}
