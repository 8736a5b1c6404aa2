import { ceiling, type Load } from './load.ts'

export type Row = { name: string; figures: Record<string, number | string> }

/** What a scenario found: its rows, the ratios that have a goal, and what had to hold. */
export type Result = {
  scenario: string
  about: string
  rows: Row[]
  ratios: { name: string; value: number; goal?: number; atMost?: boolean }[]
  checks: { name: string; held: boolean; found: string }[]
  /** Sentences that belong below. */
  notes?: string[]
}

type Contender = {
  codes?: number
  unknown?: boolean
  name: string
  url: string
  method?: string
  body?: string
  headers?: Record<string, string>
  connections?: number
}

/**
 * Loads each contender in turn, `rounds` times over, so that a slow minute of the machine hits all of them; the median round counts.
 * Returns the medians by name, and how many requests each answered in all.
 */
export async function compare(contenders: Contender[], { rounds = 3, seconds = 4 } = {}) {
  const loads = new Map<string, Load[]>(contenders.map(({ name }) => [name, []]))
  for (const contender of contenders) await ceiling({ ...contender, seconds: 1 }) // warm
  for (let round = 0; round < rounds; round++)
    for (const contender of contenders) loads.get(contender.name)!.push(await ceiling({ ...contender, seconds }))
  return new Map(
    [...loads].map(([name, all]) => {
      const median = [...all].sort((a, b) => a.rate - b.rate)[Math.floor(all.length / 2)]!
      return [name, { ...median, ok: sum(all, 'ok'), failed: sum(all, 'failed') }]
    }),
  )
}

/** A row of the table, rounded as people read it. */
export const rowOf = (name: string, { rate, p50, p99 }: Load): Row => ({
  name,
  figures: { 'per second': Math.round(rate), 'p50 ms': round(p50), 'p99 ms': round(p99) },
})

export const round = (value: number, digits = 2) => Number(value.toFixed(digits))

const sum = (loads: Load[], key: 'ok' | 'failed') => loads.reduce((total, load) => total + load[key], 0)
