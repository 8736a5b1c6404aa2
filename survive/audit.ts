// Compares the ledger with the database, by plain SQL without any of the server's code.
import type postgres from 'postgres'
import { CLICK, type Ledger, type Write } from './ledger.ts'

/** Each finding is one line for people. All empty: responses and database agree. */
export type Audit = {
  writes: { acknowledged: number; lost: string[]; doubled: string[] }
  clicks: { answered: number; stored: number; lost: string[]; doubled: string[]; stray: string[] }
  /** Links whose row is not what the ledger says. */
  rows: string[]
  /** Counters that do not say what the events say. */
  counters: string[]
}

/** The host that a click of this mark gives as its referrer: `run` keeps runs on one database apart. */
export const markOf = (run: string, mark: number) => `c${mark}.${run}.example`

/** How often nginx may try: a click in flight at a kill may be recorded by the killed replica, and by the next one. */
const TRIES = 3

/** Of all that was recorded, or of one period. Ask when every journal is drained. */
export async function audit(sql: postgres.Sql, ledger: Ledger, run: string, period?: number): Promise<Audit> {
  const isAsked = (one: number) => period === undefined || one === period
  const links = ledger.links.filter(({ writes }) => writes.some((write) => isAsked(write.period)))
  const ids = links.map(({ id }) => id)
  const writes = ledger.writes.filter((write) => isAsked(write.period))
  const first = period === undefined ? 0 : ledger.periods[period]!.firstClick
  const end = period === undefined ? ledger.sentClicks() : (ledger.periods[period + 1]?.firstClick ?? ledger.sentClicks())
  // The load goes on: what was acknowledged before the database is asked must be there, what is acknowledged after may.
  const done = new Set(ledger.writes.filter(({ outcome }) => outcome === 'acknowledged'))
  const clicks = ledger.clicks.slice(first, end)

  const rows = await sql<{ id: string; short_code: string; original_url: string | null; deleted: boolean }[]>`
    select id, short_code, original_url, deleted_at is not null as deleted from urls where id = any(${ids}::bigint[])`
  const logged = await sql<{ url_id: string; event_type: string; target: string | null; count: number }[]>`
    select url_id, event_type, coalesce(details ->> 'new_value', details ->> 'original_url') as target, count(*)::int
    from events where event_type in ('created', 'updated', 'deleted') group by 1, 2, 3`
  const made = await sql<{ target: string; count: number }[]>`
    select details ->> 'original_url' as target, count(*)::int from events where event_type = 'created' group by 1`
  const stored = await sql<{ mark: number; url_id: string; count: number }[]>`
    select mark, url_id, count(*)::int from (
      select substring(details ->> 'referrer' from ${`^c([0-9]+)[.]${run}[.]example$`})::int as mark, url_id from click_events) as clicks
    where mark >= ${first} and mark < ${end} group by 1, 2`

  const result: Audit = {
    writes: { acknowledged: 0, lost: [], doubled: [] },
    clicks: { answered: 0, stored: 0, lost: [], doubled: [], stray: [] },
    rows: [],
    counters: await brokenCounters(sql),
  }

  const events = new Map(logged.map(({ url_id, event_type, target, count }) => [`${event_type} ${url_id} ${target}`, count]))
  const creations = new Map(made.map(({ target, count }) => [target, count]))
  for (const write of writes) judge(result.writes, write, done.has(write), timesDone(write, events, creations))

  const byId = new Map(rows.map((row) => [Number(row.id), row]))
  for (const { id, code, writes } of links) {
    const row = byId.get(id)
    const states = writes.filter(({ outcome }) => outcome !== 'refused')
    const last = states.findLastIndex((write) => done.has(write))
    const may = states.slice(last).map(({ target }) => target)
    if (!row) result.rows.push(`link ${id} (${code}) is not there`)
    else if (row.short_code !== code) result.rows.push(`link ${id} has code ${row.short_code} and was answered as ${code}`)
    else if (!may.includes(row.deleted ? undefined : (row.original_url ?? undefined)))
      result.rows.push(`link ${id} leads to ${row.deleted ? 'nowhere' : row.original_url}, and should to ${may.join(' or ')}`)
  }

  const counts = new Map(stored.map(({ mark, url_id, count }) => [mark, { link: Number(url_id), count }]))
  for (let mark = first; mark < end; mark++) {
    const outcome = clicks[mark - first]! & CLICK.OUTCOME
    const most = outcome === CLICK.none ? 0 : clicks[mark - first]! & CLICK.atKill ? TRIES : 1
    const { count, link } = counts.get(mark) ?? { count: 0, link: 0 }
    result.clicks.stored += count
    if (outcome === CLICK.answered) result.clicks.answered++
    if (outcome === CLICK.answered && count === 0) result.clicks.lost.push(`click ${mark} was answered and is not stored`)
    if (count > most)
      (outcome === CLICK.none ? result.clicks.stray : result.clicks.doubled).push(`click ${mark} is stored ${count} times`)
    if (count > 0 && link !== ledger.clickLinks[mark]) result.clicks.stray.push(`click ${mark} is stored for link ${link}`)
  }
  return result
}

function judge(found: Audit['writes'], { kind, target, outcome, link }: Write, done: boolean, times: number) {
  const name = `${kind} of ${link?.code ?? 'a link'}${target ? ` to ${target}` : ''}`
  if (done) {
    found.acknowledged++
    if (times === 0) found.lost.push(`${name} was acknowledged and is not stored`)
  }
  if (times > 1) found.doubled.push(`${name} was done ${times} times`)
  if (times > 0 && outcome === 'refused') found.doubled.push(`${name} was refused and done`)
}

const timesDone = ({ kind, target, link }: Write, events: Map<string, number>, creations: Map<string, number>): number => {
  if (kind === 'create') return creations.get(target!) ?? 0
  return events.get(`${kind}d ${link!.id} ${kind === 'update' ? target : null}`) ?? 0
}

/** Totals and series are stored next to the clicks, and must agree with them. */
async function brokenCounters(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ id: string; events: number; totals: number; series: number }[]>`
    select id, coalesce(c.count, 0)::int as events, coalesce(t.clicks, 0)::int as totals,
      (coalesce(s.clicks, 0) + coalesce(c.uncounted, 0))::int as series
    from urls
    left join (
      select url_id, count(*), count(*) filter (where id > (select watermark from click_rollup)) as uncounted
      from clicks group by 1) c on c.url_id = id
    left join link_totals t on t.url_id = id
    left join (select url_id, sum(clicks) as clicks from click_series group by 1) s on s.url_id = id
    where coalesce(c.count, 0) <> coalesce(t.clicks, 0) or coalesce(t.clicks, 0) <> coalesce(s.clicks, 0) + coalesce(c.uncounted, 0)`
  return rows.map(
    ({ id, events, totals, series }) => `link ${id}: ${events} clicks, ${totals} in its total, ${series} in its series`,
  )
}

/** All of it that must be empty. */
export const findingsOf = ({ writes, clicks, rows, counters }: Audit): string[] => [
  ...writes.lost,
  ...writes.doubled,
  ...clicks.lost,
  ...clicks.doubled,
  ...clicks.stray,
  ...rows,
  ...counters,
]
