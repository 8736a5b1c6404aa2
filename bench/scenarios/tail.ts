import postgres from 'postgres'
import { until } from '../../test/until.ts'
import { SIX } from '../clients.ts'
import { compare, type Result, round, rowOf } from '../compare.ts'
import { ceiling, SHORT } from '../load.ts'
import { atRest, figureOf, fillLinks, startWithAll } from '../product.ts'
import { startDatabase, startWaypost } from '../servers.ts'

const SIZES = SHORT ? [1_000, 10_000] : [1_000, 100_000, 1_000_000]
const SUSTAINED = 60

/** Redirects over random codes of few and of many links, their clicks stored while the load runs; and how long the backlog of a minute takes. */
export async function tail(): Promise<Result> {
  const most = SIZES.at(-1)!
  const database = await startDatabase()
  const schema = await startWaypost({ DATABASE_URL: database.url })
  await fillLinks(database.url, most)
  await schema.stop()
  const waypost = await startWithAll(database.url, most, { TRUSTED_PROXIES: '1' })
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    await ceiling({ url: waypost.url, codes: most, seconds: SUSTAINED / 4, headers: SIX }) // memory knows as many as it can
    const rest = atRest(database.url, waypost.url)
    await rest()
    const names = SIZES.map((size) => `random codes of ${size.toLocaleString('en')} links`)
    const loads = await compare(
      SIZES.map((codes, i) => ({ name: names[i]!, url: waypost.url, codes, headers: SIX })),
      { seconds: 5, rest },
    )
    const sustained = await ceiling({ url: waypost.url, codes: most, seconds: SUSTAINED, headers: SIX })
    const backlog = await figureOf(waypost.url, 'waypost_clicks_backlog')
    const ended = performance.now()
    await until('the backlog is empty', async () => (await figureOf(waypost.url, 'waypost_clicks_backlog')) === 0, 600_000)
    const gone = (performance.now() - ended) / 1000
    await rest()
    const counted = (performance.now() - ended) / 1000
    const answered = await figureOf(waypost.url, 'waypost_clicks_recorded_total')
    const [row] = await sql`select coalesce(sum(clicks), 0)::float8 as clicks from link_totals`
    const rates = [...loads.values()].map(({ rate }) => rate)
    return {
      scenario: 'tail',
      about: `64 connections, clicks stored while the load runs; then ${SUSTAINED} s at the ceiling over ${most.toLocaleString('en')} links.`,
      rows: [
        ...[...loads].map(([name, load]) => rowOf(name, load)),
        rowOf(`${SUSTAINED} s over ${most.toLocaleString('en')} links`, sustained),
        { name: 'clicks not stored at its end', figures: { 'per second': backlog } },
        { name: 'all of them stored after, s', figures: { 'per second': round(gone, 1) } },
        { name: '… and counted in series and breakdowns, s', figures: { 'per second': round(counted, 1) } },
      ],
      ratios: [
        {
          name: `${most.toLocaleString('en')} links / ${SIZES[0]!.toLocaleString('en')}`,
          value: rates.at(-1)! / rates[0]!,
          goal: 0.9,
        },
        { name: `seconds until the clicks of ${SUSTAINED} s are stored`, value: gone, goal: 60, atMost: true },
      ],
      checks: [
        {
          name: 'every click is stored once',
          held: row!.clicks === answered && answered > 0,
          found: `${row!.clicks} of ${answered}`,
        },
        {
          name: 'no redirect failed',
          held: [...loads.values(), sustained].every(({ failed }) => failed === 0),
          found: `${sustained.failed} failed`,
        },
      ],
    }
  } finally {
    await sql.end()
    await waypost.stop()
    await database.end()
  }
}
