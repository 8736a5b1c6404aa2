import postgres from 'postgres'
import { foldClicks } from '../../src/clicks/fold.ts'
import { externalAddress } from '../../src/database/address.ts'
import { openPool } from '../../src/database/pool.ts'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'
import type { Result } from '../compare.ts'
import { compare, rowOf } from '../compare.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, startWaypost } from '../servers.ts'

const MANY = 1_000_000

/** Lists at their first and last page by cursor, and statistics at 10 clicks and at 1,000,000, with 1,000,000 links. */
export async function million(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  await fillLinks(database.url, MANY)
  await fillClicks(database.url)
  try {
    const loads = await compare([
      { name: 'list, first page', url: `${waypost.url}/urls?cursor=0` },
      { name: 'list, last page', url: `${waypost.url}/urls?cursor=${MANY - 20}` },
      { name: 'statistics at 10 clicks', url: `${waypost.url}/urls/1/stats` },
      { name: 'statistics at 1,000,000 clicks', url: `${waypost.url}/urls/2/stats` },
      { name: 'statistics at 1,000,000 clicks, over 90 days', url: `${waypost.url}/urls/3/stats` },
    ])
    const [first, last, few, many, spread] = [...loads.values()]
    return {
      scenario: 'million',
      about:
        '1,000,000 links; 1,000,000 clicks of one of them within a day, and of another over 90 days, as the counters keep them, folded.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [
        { name: 'list: first / last page', value: first!.rate / last!.rate, goal: 1.3, atMost: true },
        { name: 'statistics: at 10 / at 1,000,000 clicks', value: few!.rate / many!.rate, goal: 1.3, atMost: true },
        {
          name: 'statistics: at 10 / at 1,000,000 clicks spread over every quarter of an hour of 90 days',
          value: few!.rate / spread!.rate,
          goal: 1.3,
          atMost: true,
        },
      ],
      checks: [
        { name: 'no request failed', held: [...loads.values()].every(({ failed }) => failed === 0), found: 'see the table' },
      ],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}

/** Counters of 10 clicks (link 1) and 1,000,000 (link 2) within the last day, and of 1,000,000 over 90 days (link 3). */
async function fillClicks(url: string) {
  const sql = postgres(url, { max: 1 })
  for (const [link, clicks, quarters] of [
    [1, 10, 10],
    [2, 1_000_000, 96],
    [3, 1_000_000, 8_640],
  ] as const) {
    await sql`insert into link_totals (url_id, clicks, last_click) values (${link}, ${clicks}, now())`
    await sql`
      insert into click_series (url_id, bucket, clicks, bots)
      select ${link}::int, date_bin('15 minutes', now() - make_interval(mins => 15 * n), '2020-01-01 00:00:00+00'), ${clicks}::int / ${quarters}::int, 0
      from generate_series(0, ${quarters}::int - 1) n`
    await sql`
      insert into click_breakdowns (url_id, day, dimension, value, clicks, bots)
      select ${link}::int, current_date - day, dimension, 'value ' || v, ${clicks}::int / 5, 0
      from generate_series(0, ${quarters}::int / 96 - (${quarters}::int >= 96)::int) day, generate_series(1, 5) v,
        unnest(array['browser', 'system', 'device', 'referrer']) dimension`
  }
  await sql.end()
  // As the server does a minute after its start: past days are folded.
  const pool = openPool(externalAddress({ DATABASE_URL: url }), 1, createLog('fatal', createLogRing(), false))
  await foldClicks(pool)
  await pool.close()
}
