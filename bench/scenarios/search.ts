import { compare, type Result, rowOf } from '../compare.ts'
import { SHORT } from '../load.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, startWaypost } from '../servers.ts'

const LINKS = SHORT ? 20_000 : 1_000_000

/** The search for a word that few links have, that none has, and that all have. */
export async function search(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  try {
    await fillLinks(database.url, LINKS)
    const words = [
      { name: 'a word of one link', word: `page%20${LINKS - 7}` },
      { name: 'a word of no link', word: 'nowhere-to-be-found' },
      { name: 'a word of every link', word: 'page' },
      { name: 'two letters', word: 'pa' },
    ]
    const loads = await compare(
      words.map(({ name, word }) => ({ name, url: `${waypost.url}/urls?q=${word}`, connections: 1 })),
      { seconds: 3 },
    )
    const slow = [...loads].map(([name, { rate }]) => ({ name: `ms of ${name}`, value: 1000 / rate, goal: 50, atMost: true }))
    return {
      scenario: 'search',
      about: `${LINKS.toLocaleString('en')} links, one connection: a second divided by the rate is the time of a search.`,
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: slow,
      checks: [
        { name: 'no search failed', held: [...loads.values()].every(({ failed }) => failed === 0), found: 'see the table' },
      ],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}
