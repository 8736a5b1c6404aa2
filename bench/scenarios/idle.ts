import { type Result, round } from '../compare.ts'
import { SHORT } from '../load.ts'
import { createLink } from '../product.ts'
import { cpuSeconds, watched } from '../quiet.ts'
import { memoryText, startDatabase, startWaypost } from '../servers.ts'

const SECONDS = SHORT ? 3 : 60
const SETTLED_AFTER = SHORT ? 1_000 : 30_000 // ms

/** The CPU time of a server that nobody asks for anything. */
export async function idle(): Promise<Result> {
  const database = await startDatabase()
  try {
    const rows: Result['rows'] = []
    const ratios: Result['ratios'] = []
    for (const [name, settings] of [
      ['with PostgreSQL', { DATABASE_URL: database.url }],
      ['embedded', {}],
    ] as const) {
      const waypost = await startWaypost(settings)
      await createLink(waypost.url)
      await Bun.sleep(SETTLED_AFTER)
      const before = cpuSeconds(waypost.pid)
      await watched(() => Bun.sleep(SECONDS * 1000))
      const spent = ((cpuSeconds(waypost.pid) - before) * 1000) / SECONDS
      rows.push({
        name,
        figures: { 'ms of CPU a second': round(spent), 'memory, MB (of it pages of files)': await memoryText(waypost.pid) },
      })
      ratios.push({ name: `${name}, ms of CPU a second`, value: spent, goal: 5, atMost: true })
      await waypost.stop()
    }
    return { scenario: 'idle', about: `${SECONDS} s without a request, one link.`, rows, ratios, checks: [] }
  } finally {
    await database.end()
  }
}
