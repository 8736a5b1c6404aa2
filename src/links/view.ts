import type { Blocklist } from '../blocklist/blocklist.ts'
import type { Config } from '../config/config.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Link, LinkRow } from './schema.ts'
import { stateOf } from './state.ts'

/** Turns rows into links: adds short_url, based on PUBLIC_URL or else on the address of the request, `state` and `blocked`. */
export function linkView(config: Pick<Config, 'PUBLIC_URL'>, { blocksTarget }: Pick<Blocklist, 'blocksTarget'>) {
  return (row: LinkRow, request: Request): Link => {
    const base = config.PUBLIC_URL ?? exchangeOf(request).origin
    const blocked = blocksTarget(row.original_url)
    const link = { ...row, short_url: `${base}/${row.short_code}`, state: stateOf(row, blocked, Date.now()) }
    return blocked ? { ...link, blocked } : link
  }
}
