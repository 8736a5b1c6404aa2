import { EIGHTEEN, SIX } from '../clients.ts'
import { compare, type Result, rowOf } from '../compare.ts'
import { runAutocannon } from '../load.ts'
import { atRest, clicksStored, createLink } from '../product.ts'
import { memoryText, startDatabase, startFloor, startWaypost } from '../servers.ts'

/**
 * A hit of the memory cache with its click journalled, against bare Bun.serve: one that reads the headers of a click and sends those of a hit, and a
 * constant 302; with 6 and with 18 headers; and its latency at half of its ceiling.
 */
export async function redirect(): Promise<Result> {
  const database = await startDatabase()
  const [constant, floor] = [await startFloor('redirect'), await startFloor('headers')]
  const waypost = await startWaypost({ DATABASE_URL: database.url, TRUSTED_PROXIES: '1' })
  const direct = await startWaypost({ DATABASE_URL: database.url })
  try {
    const link = await createLink(waypost.url)
    const second = await createLink(waypost.url)
    await Bun.sleep(1_500) // both copies have it, and the database is not asked
    const rest = atRest(database.url, waypost.url)
    const hit = { name: 'Waypost, hit with its click', url: `${waypost.url}/${link.short_code}`, headers: SIX }
    const bare = { name: 'bare Bun.serve, constant 302', url: `${constant.url}/abcdef`, headers: SIX }
    const honest = { name: 'bare Bun.serve, the same headers read and sent', url: `${floor.url}/abcdef`, headers: SIX }
    const loads = await compare(
      [
        bare,
        honest,
        hit,
        { ...honest, name: `${honest.name}, 18 headers`, headers: EIGHTEEN },
        { ...hit, name: `${hit.name}, 18 headers`, headers: EIGHTEEN },
      ],
      { rounds: 5, seconds: 3, rest },
    )
    const [base, read, made, readMany, madeMany] = [...loads.values()].map(({ rate }) => rate) as [
      number,
      number,
      number,
      number,
      number,
    ]
    await database.stop() // nothing is stored: what is left is the redirect with its journal
    await Bun.sleep(1_000)
    const alone = await compare(
      [
        { ...honest, name: `${honest.name}, again` },
        { ...hit, name: 'Waypost, database stopped' },
        { ...hit, name: 'Waypost without a proxy, database stopped', url: `${direct.url}/${second.short_code}` },
      ],
      { rounds: 5, seconds: 3 },
    )
    const [readAlone, madeAlone, madeDirect] = [...alone.values()].map(({ rate }) => rate) as [number, number, number]
    await database.start()
    await rest()
    const half = Math.round(made / 2)
    const calm = [
      await runAutocannon({ ...bare, rate: half, seconds: 5 }),
      await runAutocannon({ ...hit, rate: half, seconds: 5 }),
    ]
    const clicks = await clicksStored(waypost.url, database.url, link.id)
    return {
      scenario: 'redirect',
      about:
        'One known code, 64 connections, as behind one trusted proxy; no window begins before the clicks of the last one are stored and counted. Then at half of Waypost’s ceiling (autocannon’s millisecond clock rounds p99).',
      rows: [
        ...[...loads].map(([name, load]) => rowOf(name, load)),
        ...[...alone].map(([name, load]) => rowOf(name, load)),
        rowOf(`bare, at ${half}/s`, calm[0]!),
        rowOf(`Waypost, at ${half}/s`, calm[1]!),
        { name: 'memory afterwards, MB (of it pages of files)', figures: { 'per second': await memoryText(waypost.pid) } },
      ],
      ratios: [
        { name: 'hit / floor that reads and sends the same, while clicks are stored', value: made / read, goal: 0.92 },
        { name: 'the same with 18 headers', value: madeMany / readMany, goal: 0.9 },
        { name: 'hit / constant 302, while clicks are stored', value: made / base, goal: 0.68 },
        { name: 'hit / floor that reads and sends the same, with the journal alone', value: madeAlone / readAlone },
        { name: 'the same without a proxy in front (Bun is asked for the address)', value: madeDirect / readAlone },
        { name: 'p99 at half of the ceiling / floor’s', value: calm[1]!.p99 / Math.max(calm[0]!.p99, 1), goal: 2, atMost: true },
      ],
      checks: [clicks],
    }
  } finally {
    await Promise.all([waypost.stop(), direct.stop(), constant.stop(), floor.stop()])
    await database.end()
  }
}
