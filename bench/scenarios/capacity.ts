import { costsOf, USERS } from '../capacity/costs.ts'
import { CONNECTIONS, LINKS, sizesOf } from '../capacity/sizes.ts'
import { type Result, round } from '../compare.ts'

/** What one more link, click, connection or request costs: bytes on disk and in memory, and CPU time of each program. */
export async function capacity({ seconds = 20 } = {}): Promise<Result> {
  const sizes = await sizesOf()
  const cost = await costsOf(seconds)
  return {
    scenario: 'capacity',
    about: `${LINKS.toLocaleString('en')} links, each clicked some times within a minute; ${CONNECTIONS.toLocaleString('en')} idle connections; CPU time of each kind of request, ${USERS} users on three replicas behind nginx. One at a time, requests cost more than at the ceiling.`,
    rows: [...Object.entries(sizes).map(([name, value]) => ({ name, figures: { value: round(value, 1) } })), ...cost],
    ratios: [],
    checks: [],
  }
}
