// What a chart's columns say in a few words: now, on average, at most, and which way it goes.
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

/** The sum of several columns, place by place. */
export const added = (...columns: Column[]): Column =>
  (columns[0] ?? []).map((_, place) => columns.reduce((sum, column) => sum + (column[place] ?? 0), 0))

/** `part` of `whole` in percent; null where there was nothing. */
export const share = (part: Column, whole: Column): Column =>
  part.map((value, place) => (whole[place] ? (100 * (value ?? 0)) / whole[place]! : null))

const NOW = 5 // samples: one second alone jumps

/** As it is now: the mean of the last few samples. */
export const current = (values: Column) => mean(values.slice(-NOW))

export type Trend = { sign: '↑' | '↓' | '→'; word: string }

/** The last sixth of the window beside what was before it. */
export function trendOf(values: Column): Trend | undefined {
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
