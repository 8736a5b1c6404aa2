import { ceiling, type Load, SHORT } from './load.ts'
import type { Quiet } from './quiet.ts'

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
  quiet?: Quiet
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
 * Loads each contender in turn, `rounds` times over, so that a slow minute of the machine hits all of them; the median round counts. `rest` is
 * awaited after each window: what one left to do would slow down the next. Returns the medians by name, and how many requests each answered in all.
 */
export async function compare(contenders: Contender[], { rounds = 3, seconds = 4, rest = async () => {} } = {}) {
  const loads = new Map<string, Load[]>(contenders.map(({ name }) => [name, []]))
  const window = async (contender: Contender, seconds: number) => {
    const load = await ceiling({ ...contender, seconds })
    await rest()
    return load
  }
  for (const contender of contenders) await window(contender, 1) // warm
  for (let round = 0; round < (SHORT ? 1 : rounds); round++)
    for (const contender of contenders) loads.get(contender.name)!.push(await window(contender, seconds))
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
