import { compare, type Result, rowOf } from '../compare.ts'
import { runAutocannon } from '../load.ts'
import { BROWSER, clicksStored, createLink } from '../product.ts'
import { memoryText, startDatabase, startFloor, startWaypost } from '../servers.ts'

const FORWARDED = { ...BROWSER, 'x-forwarded-for': '203.0.113.77' }

/** A hit of the memory cache with its click journalled, against a constant 302 of bare Bun.serve; and its latency at half of its ceiling. */
export async function redirect(): Promise<Result> {
  const database = await startDatabase()
  const floor = await startFloor('redirect')
  const waypost = await startWaypost({ DATABASE_URL: database.url, TRUSTED_PROXIES: '1' })
  const direct = await startWaypost({ DATABASE_URL: database.url })
  try {
    const link = await createLink(waypost.url)
    const second = await createLink(waypost.url)
    await Bun.sleep(1_500) // both copies have it, and the database is not asked
    const [bare, hit] = [
      { name: 'bare Bun.serve, constant 302', url: `${floor.url}/abcdef`, headers: FORWARDED },
      { name: 'Waypost, hit with its click', url: `${waypost.url}/${link.short_code}`, headers: FORWARDED },
    ]
    const loads = await compare([bare, hit], { rounds: 5, seconds: 3 })
    const [base, made] = [...loads.values()]
    await clicksStored(waypost.url, database.url, link.id)
    await database.stop() // the drain rests: what is left is the redirect with its journal
    await Bun.sleep(1_000)
    const alone = await compare(
      [
        { ...bare, name: 'bare Bun.serve, again' },
        { ...hit, name: 'Waypost, database stopped' },
        { ...hit, name: 'Waypost without a proxy, database stopped', url: `${direct.url}/${second.short_code}` },
      ],
      { rounds: 5, seconds: 3 },
    )
    const [baseAlone, madeAlone, madeDirect] = [...alone.values()]
    await database.start()
    const half = Math.round(made!.rate / 2)
    const calm = [
      await runAutocannon({ ...bare, rate: half, seconds: 5 }),
      await runAutocannon({ ...hit, rate: half, seconds: 5 }),
    ]
    const clicks = await clicksStored(waypost.url, database.url, link.id)
    return {
      scenario: 'redirect',
      about:
        'One known code, 64 connections, as behind one trusted proxy; then both at half of Waypost’s ceiling (autocannon’s millisecond clock rounds p99).',
      rows: [
        ...[...loads].map(([name, load]) => rowOf(name, load)),
        ...[...alone].map(([name, load]) => rowOf(name, load)),
        rowOf(`bare, at ${half}/s`, calm[0]!),
        rowOf(`Waypost, at ${half}/s`, calm[1]!),
        { name: 'memory afterwards, MB (of it pages of files)', figures: { 'per second': await memoryText(waypost.pid) } },
      ],
      ratios: [
        { name: 'hit / floor, while clicks are being stored on the same two cores', value: made!.rate / base!.rate, goal: 0.65 },
        { name: 'hit / floor, with the journal alone', value: madeAlone!.rate / baseAlone!.rate, goal: 0.65 },
        {
          name: 'the same without a proxy in front (the address is asked of Bun, 4 µs)',
          value: madeDirect!.rate / baseAlone!.rate,
        },
        { name: 'p99 at half of the ceiling / floor’s', value: calm[1]!.p99 / Math.max(calm[0]!.p99, 1), goal: 2, atMost: true },
      ],
      checks: [clicks],
    }
  } finally {
    await Promise.all([waypost.stop(), direct.stop(), floor.stop()])
    await database.end()
  }
}
