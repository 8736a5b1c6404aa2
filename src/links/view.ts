import type { Blocklist } from '../blocklist/blocklist.ts'
import type { Config } from '../config.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Link, LinkRow } from './schema.ts'

/** Makes rows into links with their short_url, below PUBLIC_URL, else below the address the client reached us at; says which are blocked. */
export function linkView(config: Pick<Config, 'PUBLIC_URL'>, { blocksTarget }: Pick<Blocklist, 'blocksTarget'>) {
  return (row: LinkRow, request: Request): Link => {
    const base = config.PUBLIC_URL ?? exchangeOf(request).origin
    const link = { ...row, short_url: `${base}/${row.short_code}` }
    return blocksTarget(row.original_url) ? { ...link, blocked: true } : link
  }
}
