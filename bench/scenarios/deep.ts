import { compare, type Result, rowOf } from '../compare.ts'
import { SHORT } from '../load.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, startWaypost } from '../servers.ts'

const LINKS = SHORT ? 20_000 : 1_000_000
const PAGE = 20

/** Pages of the list of links far from its start, by number and by cursor, forwards and backwards, one reader and many. */
export async function deep(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  try {
    await fillLinks(database.url, LINKS)
    const pages = LINKS / PAGE
    const kinds = [
      { name: 'first page', query: 'page=1' },
      { name: 'page in the middle, by number', query: `page=${pages / 2}` },
      { name: 'last page, by number', query: `page=${pages}` },
      { name: 'last page but nine, by number', query: `page=${pages - 9}` },
      { name: 'last page, by cursor', query: `cursor=${LINKS - PAGE}` },
      { name: 'last page of the newest first, by number', query: `page=${pages}&order=desc` },
    ]
    const loads = await compare(
      kinds.map(({ name, query }) => ({ name, url: `${waypost.url}/urls?per_page=${PAGE}&${query}`, connections: 1 })),
      { seconds: 2 },
    )
    const rates = [...loads.values()].map(({ rate }) => rate)
    const slowest = Math.min(...rates)
    return {
      scenario: 'deep',
      about: `${LINKS.toLocaleString('en')} links, pages of ${PAGE}, one connection: nobody else is asked, so a second divided by the rate is the time of a page.`,
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: [
        { name: 'first page / last page by number', value: rates[0]! / rates[2]!, goal: 2, atMost: true },
        { name: 'first page / last page by cursor', value: rates[0]! / rates[4]!, goal: 1.3, atMost: true },
        { name: 'ms of the slowest page', value: 1000 / slowest, goal: 20, atMost: true },
      ],
      checks: [{ name: 'no list failed', held: [...loads.values()].every(({ failed }) => failed === 0), found: 'see the table' }],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}
