import { SIX } from '../clients.ts'
import { compare, type Result, rowOf } from '../compare.ts'
import { atRest, createLink } from '../product.ts'
import { startDatabase, startFloor, startWaypost } from '../servers.ts'

const TARGET = 'https://example.com/a/page?x=1#top'
const FUTURE = '2080-01-01T00:00:00Z'

/** What each kind of rule costs a hit, against a plain link in the same run. */
export async function rules(): Promise<Result> {
  const database = await startDatabase()
  const floor = await startFloor('redirect')
  const waypost = await startWaypost({ DATABASE_URL: database.url, TRUSTED_PROXIES: '1' })
  try {
    const kind = async (name: string, rules: Record<string, unknown>, more = '') => {
      const { short_code } = await createLink(waypost.url, TARGET, rules)
      return { name, url: `${waypost.url}/${short_code}${more}`, headers: SIX }
    }
    const kinds = [
      { name: 'bare Bun.serve, constant 302', url: `${floor.url}/abcdef`, headers: SIX },
      await kind('a plain link', {}),
      await kind('a window', { valid_from: '2020-01-01T00:00:00Z', valid_until: FUTURE }),
      await kind('a limit on clicks', { max_clicks: 2 ** 40 }),
      await kind('forward_query: add, without a query', { forward_query: 'add' }),
      await kind('forward_query: add', { forward_query: 'add' }, '?utm_source=mail&y=2'),
      await kind('forward_query: override', { forward_query: 'override' }, '?utm_source=mail&x=2'),
      await kind('forward_path', { forward_path: true }, '/deeper/page'),
      await kind('noindex', { noindex: true }),
    ]
    await Bun.sleep(1_500) // the copy has them
    const loads = await compare(kinds, { rounds: 3, seconds: 2, rest: atRest(database.url, waypost.url) })
    const rates = [...loads].map(([name, { rate }]) => ({ name, rate }))
    const plain = rates[1]!.rate
    return {
      scenario: 'rules',
      about: 'One known code of each kind, 64 connections, as behind one trusted proxy, with the clicks being stored.',
      rows: [...loads].map(([name, load]) => rowOf(name, load)),
      ratios: rates.slice(2).map(({ name, rate }) => ({ name: `${name} / a plain link`, value: rate / plain })),
      checks: [],
    }
  } finally {
    await Promise.all([waypost.stop(), floor.stop()])
    await database.end()
  }
}
