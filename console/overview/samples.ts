// The columns of the charts: requested when the view changes, then extended by the stream each second.
import { useEffect, useRef } from 'preact/hooks'
import type { Overview } from '../../src/monitor/overview/schema.ts'
import { useEvery } from '../kit/server/clock.ts'
import { type Live, type Sample, useLive } from '../kit/server/live.ts'
import { useResource } from '../kit/server/resource.ts'

export type Column = (number | null)[]

/** Columns of equal length, some of them grouped. The same index is the same second in all. */
export type Samples = Overview['samples']

/** `samples` is undefined until the first answer. `first` is that answer; the stream is newer. */
export function useOverview(window: number, replica: string) {
  const address = `/api/overview?${new URLSearchParams({ window: String(window), replica })}`
  const { data, current, error, retryAt, reload, change } = useResource<Overview>(address)
  const samples = current ? data?.samples : undefined
  const step = (current && data?.step) || 1

  // Only the server can merge seconds into longer steps, because it has the histograms: long periods are requested again.
  useEvery(Math.max(step, 10), () => void (step > 1 && !error && reload()))
  const each = ({ sample }: Live) => {
    if (sample && step === 1) change((before) => ({ ...before, samples: grown(before.samples, sample, window) }))
  }
  const { stream } = useLive(replica, each, reload)

  // The server keeps the samples that were missed while the tab was hidden or disconnected.
  const gap = useRef(false)
  useEffect(() => {
    if (stream.phase === 'hidden' || stream.phase === 'cut') gap.current = true
    if (stream.phase === 'open' && gap.current) {
      gap.current = false
      void reload()
    }
  }, [stream.phase, reload])

  return { samples, step, first: data, error, retryAt, stream, retry: reload }
}

/** Adds one second, and removes those that have left the period. An existing second stays as it is. */
function grown(samples: Samples, sample: Sample, window: number): Samples {
  const last = samples.time.at(-1) ?? 0
  if (sample.time <= last) return samples
  const first = sample.time - window
  const gone = samples.time.findIndex((time) => time > first)
  const from = gone < 0 ? samples.time.length : gone
  const extend = (columns: unknown, value: unknown): unknown => {
    if (Array.isArray(columns)) {
      const column = columns.slice(from)
      column.push(value ?? null)
      return column
    }
    return Object.fromEntries(
      Object.entries(columns as object).map(([name, column]) => [
        name,
        extend(column, (value as Record<string, unknown>)?.[name]),
      ]),
    )
  }
  return extend(samples, sample) as Samples
}
