// Makes clicks into rows and sums, so that the database gets 50,000 events but only as many counters as differ.
import type { Click } from './journal-format.ts'
import { agentOf } from './visitor.ts'

/** The columns of one store: parallel lists, each an array parameter of sql/store-clicks.sql. */
export type Batch = {
  count: number
  events: { link: number[]; at: number[]; details: string[] }
  totals: { link: number[]; clicks: number[]; bots: number[]; last: number[] }
  series: { link: number[]; bucket: number[]; clicks: number[]; bots: number[] }
  breakdowns: { link: number[]; day: string[]; dimension: string[]; value: string[]; clicks: number[]; bots: number[] }
}

const QUARTER = 15 * 60_000
const DAY = 86_400_000

/** `clampTime` keeps a mad clock from making rows of another age. Times are ms since 1970; sums come in the order of their keys. */
export function batchOf(clicks: Click[], clampTime: (time: number) => number): Batch {
  const events: Batch['events'] = { link: [], at: [], details: [] }
  const totals = new Map<number, { clicks: number; bots: number; last: number }>()
  const series = new Map<string, { link: number; bucket: number; clicks: number; bots: number }>()
  const breakdowns = new Map<
    string,
    { link: number; day: string; dimension: string; value: string; clicks: number; bots: number }
  >()

  for (const { linkId, time, referrer, userAgent, address } of clicks) {
    const at = clampTime(time)
    const { browser, system, device, bot } = agentOf(userAgent)
    const bots = bot ? 1 : 0
    events.link.push(linkId)
    events.at.push(at)
    events.details.push(detailsOf(referrer, browser, system, device, bot, address))

    const total = totals.get(linkId)
    if (total) {
      total.clicks++
      total.bots += bots
      if (at > total.last) total.last = at
    } else totals.set(linkId, { clicks: 1, bots, last: at })

    const bucket = at - (at % QUARTER)
    add(series, `${linkId} ${bucket}`, bots, () => ({ link: linkId, bucket }))
    const day = dayOf(at)
    const count = (dimension: string, value: string) =>
      add(breakdowns, `${linkId} ${day} ${dimension} ${value}`, bots, () => ({ link: linkId, day, dimension, value }))
    if (referrer) count('referrer', referrer)
    count('browser', browser)
    count('system', system)
    count('device', device)
  }

  return {
    count: clicks.length,
    events,
    totals: columns(
      [...totals].sort(([a], [b]) => a - b).map(([link, total]) => ({ link, ...total })),
      ['link', 'clicks', 'bots', 'last'],
    ),
    series: columns(
      [...series.values()].sort((a, b) => a.link - b.link || a.bucket - b.bucket),
      ['link', 'bucket', 'clicks', 'bots'],
    ),
    breakdowns: columns(
      [...breakdowns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
      ['link', 'day', 'dimension', 'value', 'clicks', 'bots'],
    ),
  }
}

function add<T>(sums: Map<string, T & { clicks: number; bots: number }>, key: string, bots: number, make: () => T) {
  const sum = sums.get(key)
  if (sum) {
    sum.clicks++
    sum.bots += bots
  } else sums.set(key, { ...make(), clicks: 1, bots })
}

function columns<Row, Name extends keyof Row>(rows: Row[], names: Name[]): { [N in Name]: Row[N][] } {
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])])) as { [N in Name]: Row[N][] }
}

let detailsBefore = { key: '', text: '' } // a burst is mostly one page and one browser

function detailsOf(referrer: string, browser: string, system: string, device: string, bot: boolean, address: string): string {
  const key = `${referrer}\n${browser}\n${system}\n${device}\n${bot}\n${address}`
  if (detailsBefore.key === key) return detailsBefore.text
  const text = JSON.stringify({
    ...(referrer ? { referrer } : {}),
    browser,
    system,
    device,
    ...(bot ? { bot } : {}),
    ...(address ? { address } : {}),
  })
  detailsBefore = { key, text: text.replaceAll('\\u0000', '') }
  return detailsBefore.text
}

let dayBefore = { start: Number.NaN, text: '' }

function dayOf(time: number): string {
  const start = time - (time % DAY)
  if (dayBefore.start !== start) dayBefore = { start, text: new Date(start).toISOString().slice(0, 10) }
  return dayBefore.text
}
