import { pathOf } from '../base/code-path.ts'
import type { Blocklist } from '../blocklist/blocklist.ts'
import type { Config } from '../config/config.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Link, LinkRow } from './schema.ts'
import { stateOf } from './state.ts'

/** The short URL of a code, based on PUBLIC_URL or else on the address of the request. */
export const shortUrls =
  ({ PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>) =>
  (code: string, request: Request): string =>
    (PUBLIC_URL ?? exchangeOf(request).origin) + pathOf(code)

/** Turns rows into links: adds short_url, `state` and `blocked`. */
export function linkView(config: Pick<Config, 'PUBLIC_URL'>, { blocksTarget }: Pick<Blocklist, 'blocksTarget'>) {
  const shortUrl = shortUrls(config)
  return (row: LinkRow, request: Request): Link => {
    const blocked = blocksTarget(row.original_url)
    const link = { ...row, short_url: shortUrl(row.short_code, request), state: stateOf(row, blocked, Date.now()) }
    return blocked ? { ...link, blocked } : link
  }
}
