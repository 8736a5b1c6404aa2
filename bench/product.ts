// What scenarios ask of a running Waypost and of its database.
import postgres from 'postgres'
import { until } from '../test/until.ts'
import { startWaypost } from './servers.ts'

export type MadeLink = { id: number; short_code: string }

/** Makes a link. */
export async function createLink(
  url: string,
  target = 'https://example.com/a/page',
  rules: Record<string, unknown> = {},
): Promise<MadeLink> {
  const answer = await fetch(`${url}/urls`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ original_url: target, ...rules }),
  })
  if (answer.status !== 201) throw new Error(`POST /urls: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as MadeLink
}

/** Puts `count` links into the database, as SQL; the codes are `c` and the number. */
export async function fillLinks(database: string, count: number) {
  const sql = postgres(database, { max: 1, onnotice: () => {} })
  for (let from = 1; from <= count; from += 100_000)
    await sql`
      insert into urls (short_code, original_url, title)
      select 'c' || n, 'https://example.com/page/' || n, 'Page ' || n from generate_series(${from}::int, ${Math.min(from + 99_999, count)}::int) n`
  await sql`analyze urls`
  await sql.end()
}

/** A server whose copy already contains all links, which are `count`. */
export async function startWithAll(database: string, count: number, settings: Record<string, string> = {}) {
  const waypost = await startWaypost({ DATABASE_URL: database, ...settings })
  await until('the copy is whole', async () => (await figureOf(waypost.url, 'waypost_edge_links')) >= count, 120_000)
  return waypost
}

/** The clicks that redirects were answered for, by the server's own count, must all be stored. */
export async function clicksStored(url: string, database: string, linkId: number, within = 300_000) {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const answered = Number(
    /^waypost_http_requests_total\{method="GET",route="\/:code",status="302"\} (\d+)/m.exec(metrics)?.[1] ?? 0,
  )
  const sql = postgres(database, { max: 1 })
  let stored = 0
  await until(
    'every click is stored',
    async () => {
      const [row] = await sql`select clicks from link_totals where url_id = ${linkId}`
      stored = Number(row?.clicks ?? 0)
      return stored >= answered
    },
    within,
  ).catch(() => {})
  await sql.end()
  return {
    name: 'clicks stored = redirects answered',
    held: stored === answered && stored > 0,
    found: `${stored} stored, ${answered} answered`,
  }
}

/** Returns what waits until these servers have stored every click, and every click of their database is counted: both take CPU time. */
export function atRest(database: string, ...urls: string[]) {
  return async () => {
    for (const url of urls)
      await until('the backlog is empty', async () => (await figureOf(url, 'waypost_clicks_backlog')) === 0, 300_000)
    const sql = postgres(database, { max: 1 })
    await until(
      'every click is counted',
      async () => {
        const [row] = await sql`select exists (select from clicks where id > (select watermark from click_rollup)) as some`
        return !row!.some
      },
      300_000,
    )
    await sql.end()
  }
}

/** A figure of /metrics that has no labels. */
export async function figureOf(url: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name} ([0-9.e+-]+)`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? Number.NaN)
}
