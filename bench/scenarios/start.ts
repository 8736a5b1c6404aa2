import { type Result, round } from '../compare.ts'
import { SHORT } from '../load.ts'
import { createLink } from '../product.ts'
import { watched } from '../quiet.ts'
import { memoryOf, type Running, spawnWaypost, startDatabase, startWaypost, temporaryFolder } from '../servers.ts'

const ROUNDS = SHORT ? 1 : 7

/** From the start of the process to its first redirect; with PostgreSQL, and embedded, for the first time and again. */
export async function start(): Promise<Result> {
  const database = await startDatabase()
  const external = { DATABASE_URL: database.url, DATA_DIR: temporaryFolder() }
  const first = await startWaypost(external)
  const { short_code } = await createLink(first.url)
  await first.stop()
  try {
    const times = { external: [] as number[], boot: [] as number[], warm: [] as number[] }
    const memory = { external: [] as number[], embedded: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      times.external.push(await until302(external, short_code, memory.external))
      const embedded = { DATA_DIR: temporaryFolder() }
      const began = performance.now()
      const fresh = await startWaypost(embedded)
      times.boot.push((performance.now() - began) / 1000)
      const link = await createLink(fresh.url)
      await fresh.stop()
      times.warm.push(await until302(embedded, link.short_code, memory.embedded))
    }
    const rows = [
      { name: 'with PostgreSQL, first redirect after, s', value: median(times.external) },
      { name: 'embedded, first boot, ready after, s', value: median(times.boot) },
      { name: 'embedded, first redirect after, s', value: median(times.warm) },
      { name: 'with PostgreSQL, memory then, MB', value: median(memory.external) },
      { name: 'embedded, memory then, MB', value: median(memory.embedded) },
    ]
    const [warm, boot, again, , held] = rows.map(({ value }) => value) as [number, number, number, number, number]
    return {
      scenario: 'start',
      about: `Medians of ${ROUNDS} starts of the executable, its files in the memory of the kernel.`,
      rows: rows.map(({ name, value }) => ({ name, figures: { value: round(value) } })),
      ratios: [
        { name: 'with PostgreSQL, seconds', value: warm, goal: 0.25, atMost: true },
        { name: 'embedded again, seconds', value: again, goal: 0.6, atMost: true },
        { name: 'embedded, first boot, seconds', value: boot, goal: 2, atMost: true },
        { name: 'embedded, MB', value: held, goal: 200, atMost: true },
      ],
      checks: [],
    }
  } finally {
    await database.end()
  }
}

/** Seconds until the code redirects; adds the memory that the server has a second later. */
async function until302(settings: Record<string, string>, code: string, memory: number[]): Promise<number> {
  const began = performance.now()
  return watched(async () => {
    const waypost = await spawnWaypost(settings)
    while (!(await redirects(waypost, code))) await Bun.sleep(2)
    const seconds = (performance.now() - began) / 1000
    await Bun.sleep(1_000)
    memory.push((await memoryOf(waypost.pid)).all)
    await waypost.stop()
    return seconds
  })
}

const redirects = ({ url }: Running, code: string) =>
  fetch(`${url}/${code}`, { redirect: 'manual' }).then(
    ({ status }) => status === 302,
    () => false,
  )

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!
