// Figures of a chart's columns: the current value, mean, maximum and trend.
import type { Column } from './samples.ts'

export const mean = (values: Column): number | null => {
  let sum = 0
  let count = 0
  for (const value of values)
    if (value !== null) {
      sum += value
      count++
    }
  return count === 0 ? null : sum / count
}

export const most = (values: Column): number | null => {
  let highest: number | null = null
  for (const value of values) if (value !== null && (highest === null || value > highest)) highest = value
  return highest
}

/** The sum of several columns, index by index. */
export const added = (...columns: Column[]): Column =>
  (columns[0] ?? []).map((_, place) => columns.reduce((sum, column) => sum + (column[place] ?? 0), 0))

/** `part` of `whole` in percent; null if `whole` is 0. */
export const share = (part: Column, whole: Column): Column =>
  part.map((value, place) => (whole[place] ? (100 * (value ?? 0)) / whole[place]! : null))

const NOW = 5 // samples: a single second varies too much

/** The current value: the mean of the last few samples. */
export const current = (values: Column) => mean(values.slice(-NOW))

type Trend = { sign: '↑' | '↓' | '→'; word: string }

/**
 * Compares the last sixth of the period with the time before it. Counts only seconds in which the same replicas reported as now: a replica that
 * starts or stops is no trend.
 */
export function trendOf(all: Column, reporting?: Column): Trend | undefined {
  const group = reporting && usual(reporting.slice(-NOW))
  const values = reporting ? all.filter((_, place) => reporting[place] === group) : all
  const cut = values.length - Math.max(NOW, Math.floor(values.length / 6))
  const before = mean(values.slice(0, Math.max(0, cut)))
  const after = mean(values.slice(Math.max(0, cut)))
  if (before === null || after === null || cut < NOW) return undefined
  if (before === 0) return after === 0 ? { sign: '→', word: 'steady' } : { sign: '↑', word: 'from 0' }
  const change = (100 * (after - before)) / before
  if (Math.abs(change) < 3) return { sign: '→', word: 'steady' }
  const size = Math.abs(change) >= 1000 ? `× ${(after / before).toFixed(0)}` : `${Math.abs(change).toFixed(0)} %`
  return { sign: change > 0 ? '↑' : '↓', word: size }
}

/** The most frequent value. */
function usual(values: Column): number | null | undefined {
  const times = new Map<number | null, number>()
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1)
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0]
}
