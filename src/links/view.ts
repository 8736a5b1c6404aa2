import type { Blocklist } from '../blocklist/blocklist.ts'
import type { Config } from '../config/config.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Link, LinkRow } from './schema.ts'

/** Turns rows into links: adds short_url, based on PUBLIC_URL or else on the address of the request, and `blocked`. */
export function linkView(config: Pick<Config, 'PUBLIC_URL'>, { blocksTarget }: Pick<Blocklist, 'blocksTarget'>) {
  return (row: LinkRow, request: Request): Link => {
    const base = config.PUBLIC_URL ?? exchangeOf(request).origin
    const link = { ...row, short_url: `${base}/${row.short_code}` }
    return blocksTarget(row.original_url) ? { ...link, blocked: true } : link
  }
}
