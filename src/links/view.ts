import type { Config } from '../config.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Link, LinkRow } from './schema.ts'

/** Makes rows into links with their short_url: below PUBLIC_URL, else below the address the client reached us at. */
export function linkView(config: Pick<Config, 'PUBLIC_URL'>) {
  return (row: LinkRow, request: Request): Link => {
    const base = config.PUBLIC_URL ?? exchangeOf(request).origin
    return { ...row, short_url: `${base}/${row.short_code}` }
  }
}
