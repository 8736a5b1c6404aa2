// Converts clicks to rows and sums, so that 50,000 clicks need 50,000 events but only as many counter updates as there are distinct counters.
import { type Click, MARKS } from '../journal/journal-format.ts'
import { type Agent, agentOf } from './visitor.ts'

/** The columns of one store: parallel lists, each an array parameter of sql/store-clicks.sql. */
export type ClickBatch = {
  count: number
  events: { link: number[]; at: number[]; details: string[] }
  totals: { link: number[]; clicks: number[]; bots: number[]; last: number[]; first: number[] }
  series: { link: number[]; bucket: number[]; clicks: number[]; bots: number[] }
  breakdowns: { link: number[]; day: string[]; dimension: string[]; value: string[]; clicks: number[]; bots: number[] }
  /** Clicks that spent one of their link's max_clicks. */
  spent: { link: number[]; clicks: number[] }
}

const QUARTER = 15 * 60_000
const DAY = 86_400_000

type Sum = { clicks: number; bots: number }
type Values = Map<string, Sum>
type Link = Sum & { first: number; last: number; series: Map<number, Sum>; days: Map<string, Record<Dimension, Values>> }

// Sorted, because everyone locks counters in this order.
const DIMENSIONS = ['browser', 'device', 'referrer', 'system'] as const
type Dimension = (typeof DIMENSIONS)[number]

/** When links were reset, ms since 1970: earlier clicks do not count. */
export type Resets = Map<number, number>

/** `clampTime` limits times, because a clock may be far off. Times are ms since 1970; sums are sorted by key. */
export function batchOf(clicks: Click[], clampTime: (time: number) => number, resets?: Resets): ClickBatch {
  const batch = openBatch(clampTime, resets)
  for (const click of clicks) batch.add(click)
  return batch.close()
}

/** The same, click by click. */
export function openBatch(clampTime: (time: number) => number, resets?: Resets) {
  const events: ClickBatch['events'] = { link: [], at: [], details: [] }
  const links = new Map<number, Link>()
  const spent = new Map<number, number>()

  function add({ linkId, time, referrer, userAgent, address, marks = 0 }: Click) {
    const at = clampTime(time)
    if (marks & MARKS.spent) spent.set(linkId, (spent.get(linkId) ?? 0) + 1)
    if (resets !== undefined && at < (resets.get(linkId) ?? 0)) return
    const agent = agentOf(userAgent)
    events.link.push(linkId)
    events.at.push(at)
    events.details.push(detailsOf(referrer, agent, address))

    let link = links.get(linkId)
    if (!link) links.set(linkId, (link = { clicks: 0, bots: 0, first: at, last: at, series: new Map(), days: new Map() }))
    const bots = agent.bot ? 1 : 0
    link.clicks++
    link.bots += bots
    if (at > link.last) link.last = at
    else if (at < link.first) link.first = at
    count(link.series, at - (at % QUARTER), bots)

    const day = dayOf(at)
    let values = link.days.get(day)
    if (!values) link.days.set(day, (values = { browser: new Map(), device: new Map(), referrer: new Map(), system: new Map() }))
    if (referrer) count(values.referrer, referrer, bots)
    count(values.browser, agent.browser, bots)
    count(values.system, agent.system, bots)
    count(values.device, agent.device, bots)
  }

  const close = (): ClickBatch => ({
    count: events.link.length,
    events,
    ...columnsOf(links),
    spent: { link: [...spent.keys()], clicks: [...spent.values()] },
  })
  return { add, close }
}

function count<Key>(sums: Map<Key, Sum>, key: Key, bots: number) {
  const sum = sums.get(key)
  if (sum) {
    sum.clicks++
    sum.bots += bots
  } else sums.set(key, { clicks: 1, bots })
}

function columnsOf(links: Map<number, Link>): Pick<ClickBatch, 'totals' | 'series' | 'breakdowns'> {
  const totals: ClickBatch['totals'] = { link: [], clicks: [], bots: [], last: [], first: [] }
  const series: ClickBatch['series'] = { link: [], bucket: [], clicks: [], bots: [] }
  const breakdowns: ClickBatch['breakdowns'] = { link: [], day: [], dimension: [], value: [], clicks: [], bots: [] }
  for (const [id, link] of inOrder(links)) {
    totals.link.push(id)
    totals.clicks.push(link.clicks)
    totals.bots.push(link.bots)
    totals.first.push(link.first)
    totals.last.push(link.last)
    for (const [bucket, { clicks, bots }] of inOrder(link.series)) {
      series.link.push(id)
      series.bucket.push(bucket)
      series.clicks.push(clicks)
      series.bots.push(bots)
    }
    for (const [day, values] of inOrder(link.days))
      for (const dimension of DIMENSIONS)
        for (const [value, { clicks, bots }] of inOrder(values[dimension])) {
          breakdowns.link.push(id)
          breakdowns.day.push(day)
          breakdowns.dimension.push(dimension)
          breakdowns.value.push(value)
          breakdowns.clicks.push(clicks)
          breakdowns.bots.push(bots)
        }
  }
  return { totals, series, breakdowns }
}

const inOrder = <Key extends string | number, T>(map: Map<Key, T>): [Key, T][] =>
  map.size === 1 ? [...map] : [...map].sort(([a], [b]) => (a < b ? -1 : 1))

function detailsOf(referrer: string, agent: Agent, address: string): string {
  const text = `{${referrer && `"referrer":${JSON.stringify(referrer)},`}${agentDetails(agent)}${address && `,"address":${JSON.stringify(address)}`}}`
  return text.includes('\\u0000') ? text.replaceAll('\\u0000', '') : text
}

const agentTexts = new WeakMap<Agent, string>()

/** Cached per agent: a burst comes from few browsers, and agentOf returns the same object for each. */
function agentDetails(agent: Agent): string {
  let text = agentTexts.get(agent)
  if (text === undefined) {
    const { bot, ...rest } = agent
    text = JSON.stringify(bot ? agent : rest).slice(1, -1)
    agentTexts.set(agent, text)
  }
  return text
}

let dayBefore = { start: Number.NaN, text: '' }

function dayOf(time: number): string {
  const start = time - (time % DAY)
  if (dayBefore.start !== start) dayBefore = { start, text: new Date(start).toISOString().slice(0, 10) }
  return dayBefore.text
}
