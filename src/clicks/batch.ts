// Converts clicks to rows and sums: as many rows as clicks, but only one total per link, and each browser and referrer once.
import { type Click, MARKS } from '../journal/journal-format.ts'
import { type Agent, agentOf } from './visitor.ts'

/**
 * The columns of one store: parallel lists, each an array parameter of sql/store-clicks.sql. `referrer` and `agent` of a click are places in these
 * lists, from 1; null for none.
 */
export type ClickBatch = {
  count: number
  clicks: {
    link: number[]
    at: number[]
    referrer: (number | null)[]
    agent: (number | null)[]
    address: (string | null)[]
    details: (string | null)[]
  }
  agents: { browser: string[]; system: string[]; device: string[]; bot: number[] }
  referrers: string[]
  totals: { link: number[]; clicks: number[]; bots: number[]; first: number[]; last: number[] }
  /** Clicks that spent one of their link's max_clicks. */
  spent: { link: number[]; clicks: number[] }
}

type Total = { clicks: number; bots: number; first: number; last: number }

/** What narrows a batch: clicks to leave out, and values without room in their tables. */
export type Limits = {
  /** When links were reset, ms since 1970: their clicks from before do not count. */
  resets: Map<number, number>
  /** Referrers and agents (`agentKey`) that are stored with their click. */
  inline: Set<string>
}

export const noLimits = (): Limits => ({ resets: new Map(), inline: new Set() })

/** `clampTime` limits times, because a clock may be far off. Times are ms since 1970; totals are sorted by link. */
export function batchOf(clicks: Click[], clampTime: (time: number) => number, limits = noLimits()): ClickBatch {
  const batch = openBatch(clampTime, limits)
  for (const click of clicks) batch.add(click)
  return batch.close()
}

/** The same, click by click. */
export function openBatch(clampTime: (time: number) => number, { resets, inline } = noLimits()) {
  const clicks: ClickBatch['clicks'] = { link: [], at: [], referrer: [], agent: [], address: [], details: [] }
  const agents = new Map<Agent, number>()
  const referrers = new Map<string, number>()
  const totals = new Map<number, Total>()
  const spent = new Map<number, number>()

  function add({ linkId, time, referrer, userAgent, address, marks = 0 }: Click) {
    const at = clampTime(time)
    if (marks & MARKS.spent) spent.set(linkId, (spent.get(linkId) ?? 0) + 1)
    if (resets.size > 0 && at < (resets.get(linkId) ?? 0)) return
    const agent = agentOf(userAgent)
    const host = referrer.includes('\0') ? referrer.replaceAll('\0', '') : referrer
    clicks.link.push(linkId)
    clicks.at.push(at)
    if (inline.size > 0 && (inline.has(host) || inline.has(agentKey(agent)))) {
      clicks.referrer.push(null)
      clicks.agent.push(null)
      clicks.address.push(null)
      clicks.details.push(detailsOf(host, agent, address))
    } else {
      clicks.referrer.push(host ? placeOf(referrers, host) : null)
      clicks.agent.push(placeOf(agents, agent))
      clicks.address.push(address || null)
      clicks.details.push(null)
    }

    const bots = agent.bot ? 1 : 0
    const total = totals.get(linkId)
    if (!total) totals.set(linkId, { clicks: 1, bots, first: at, last: at })
    else {
      total.clicks++
      total.bots += bots
      if (at > total.last) total.last = at
      else if (at < total.first) total.first = at
    }
  }

  const close = (): ClickBatch => ({
    count: clicks.link.length,
    clicks,
    agents: agentsOf([...agents.keys()]),
    referrers: [...referrers.keys()],
    totals: totalsOf(totals),
    spent: { link: [...spent.keys()], clicks: [...spent.values()] },
  })
  return { add, close }
}

/** Names an agent among referrers, which have no blanks. */
export const agentKey = ({ browser, system, device, bot }: Agent) => `${browser} ${system} ${device} ${bot}`

function placeOf<Key>(places: Map<Key, number>, key: Key): number {
  let place = places.get(key)
  if (place === undefined) places.set(key, (place = places.size + 1))
  return place
}

const agentsOf = (agents: Agent[]): ClickBatch['agents'] => ({
  ...columnsOf(agents, ['browser', 'system', 'device']),
  bot: agents.map(({ bot }) => Number(bot)),
})

function totalsOf(totals: Map<number, Total>): ClickBatch['totals'] {
  const sorted = [...totals].sort(([a], [b]) => a - b)
  return {
    link: sorted.map(([link]) => link),
    ...columnsOf(
      sorted.map(([, total]) => total),
      ['clicks', 'bots', 'first', 'last'],
    ),
  }
}

/** One list per column. */
function columnsOf<Row extends object, Name extends keyof Row>(rows: Row[], names: Name[]) {
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])])) as { [K in Name]: Row[K][] }
}

const detailsOf = (referrer: string, { bot, ...agent }: Agent, address: string): string =>
  JSON.stringify({ ...(referrer && { referrer }), ...agent, ...(bot && { bot }), ...(address && { address }) }).replaceAll(
    '\\u0000',
    '',
  )
