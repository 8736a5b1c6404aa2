// Statistics of many links together. They are counted in portions, so that no statement takes long, however many links there are.
import ofLinks from '../../sql/links-stats.sql' with { type: 'text' }
import { unavailable } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import { bucketsOf } from './buckets.ts'
import type { Count, Stats } from './schema.ts'
import type { StatsSpan } from './span.ts'
import { type Counted, type Counts, count, statsFrom } from './stats.ts'

const LINKS_AT_ONCE = 5_000
/** ms for all portions. */
const WITHIN = 10_000
const SHOWN = 10
const REST = '(other)'

/** The statistics of the links `ids` together; `ids` are in ascending order. Throws 503 if they take more than 10 s. */
export async function statsOfMany(database: Database, ids: number[], span: StatsSpan): Promise<Stats> {
  const began = Date.now()
  const buckets = bucketsOf(span)
  let sum: Counted | undefined
  for (let from = 0; from < ids.length || !sum; from += LINKS_AT_ONCE) {
    if (Date.now() - began > WITHIN)
      throw unavailable(`adding up the clicks of ${ids.length.toLocaleString('en')} links takes too long: ask for a shorter span`)
    const portion = await count(database, ofLinks, ids.slice(from, from + LINKS_AT_ONCE), buckets, false)
    sum = sum ? added(sum, portion) : portion
  }
  return statsFrom({ ...sum, breakdowns: ranked(sum.breakdowns) }, buckets)
}

function added(a: Counted, b: Counted): Counted {
  return {
    clicks: a.clicks + b.clicks,
    bots: a.bots + b.bots,
    last_click: (a.last_click ?? '') > (b.last_click ?? '') ? a.last_click : b.last_click,
    by_hour: addedUp(a.by_hour, b.by_hour),
    by_day: addedUp(a.by_day, b.by_day),
    breakdowns: together([...a.breakdowns, ...b.breakdowns]),
  }
}

function addedUp(a: Counts | null, b: Counts | null): Counts {
  const sums = new Map<number, Counts[number]>()
  for (const [place, clicks, bots] of [...(a ?? []), ...(b ?? [])]) {
    const [, before = 0, botsBefore = 0] = sums.get(place) ?? []
    sums.set(place, [place, before + clicks, botsBefore + bots])
  }
  return [...sums.values()]
}

type Breakdowns = Counted['breakdowns']

function together(counts: Breakdowns): Breakdowns {
  const sums = new Map<string, Breakdowns[number]>()
  for (const { dimension, value, clicks, bots } of counts) {
    const key = `${dimension} ${value}`
    const sum = sums.get(key)
    sums.set(key, { dimension, value, clicks: clicks + (sum?.clicks ?? 0), bots: bots + (sum?.bots ?? 0) })
  }
  return [...sums.values()]
}

/** The ten values of each dimension with the most clicks, then the sum of all others, as in link-stats.sql. */
function ranked(counts: Breakdowns): Breakdowns {
  const isRest = ({ value }: Count) => Number(value === REST)
  const inOrder = counts.toSorted(
    (a, b) => isRest(a) - isRest(b) || b.clicks - a.clicks || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0),
  )
  const places = new Map<string, number>()
  return together(
    inOrder.map((row) => {
      const place = (places.get(row.dimension) ?? 0) + 1
      places.set(row.dimension, place)
      return place > SHOWN ? { ...row, value: REST } : row
    }),
  )
}
