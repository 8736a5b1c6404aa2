import { type Fault, grown } from '../fault.ts'
import { ownConnection } from '../fleet.ts'

const POISON = [
  'javascript:alert(1)',
  'https://a.example/\r\nSet-Cookie: a=b',
  'not a URL',
  '',
  `https://a.example/${'x'.repeat(100_000)}`,
]
const LONGEST = `https://a.example/${'x'.repeat(4_078)}` // 4,096 characters, which the API takes
let made = 0

export const poisonedRow: Fault = {
  name: 'poisoned-row',
  about:
    'Rows that no API would write appear in the database: links to something that is no web address, with line breaks, empty, or 100 kB long',
  signs: {
    metric: grown(/^waypost_targets_refused_total$/),
    log: /is not an http or https address/,
    alert: /^targets_refused firing/,
    console: /Links in the database lead to no web address/,
  },
  atLeast: 8,
  async begin({ pair, members, url }, { note }) {
    const sql = ownConnection(pair.url(), 1)
    const codes = POISON.map(() => `poison-${++made}`)
    const long = `longest-${made}`
    await sql`insert into urls (short_code, original_url) select * from unnest(${[...codes, long]}::text[], ${[...POISON, LONGEST]}::text[])`
    await Bun.sleep(1_000)
    const longest = await fetch(`${url}/${long}`, { method: 'HEAD', redirect: 'manual' })
    if (longest.headers.get('location') !== LONGEST) throw new Error(`a target of 4,096 characters is answered ${longest.status}`)
    const told = new Set<number>()
    for (const ask of [...members.map(({ ask }) => ask), (path: string) => fetch(url + path, { redirect: 'manual' })])
      for (const code of codes) told.add((await ask(`/${code}`)).status)
    note(`answered ${[...told].join(', ')}`)
    if ([...told].some((status) => status >= 500)) throw new Error(`a poisoned link is answered ${[...told].join(', ')}`)
    return {
      async end() {
        codes.push(long)
        await sql`update urls set deleted_at = now(), original_url = null where short_code = any(${codes}::text[])`
        await sql`delete from events where url_id in (select id from urls where short_code = any(${codes}::text[]))`
        await sql`delete from clicks where url_id in (select id from urls where short_code = any(${codes}::text[]))`
        await sql`delete from click_series where url_id in (select id from urls where short_code = any(${codes}::text[]))`
        await sql`delete from link_totals where url_id in (select id from urls where short_code = any(${codes}::text[]))`
        await sql.end({ timeout: 1 })
      },
    }
  },
}
