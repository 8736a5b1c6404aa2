// The columns that the charts draw: asked for when the view changes, then one more each second by the stream.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'
import { type Live, type Now, type Replica, type Sample, useLive } from '../server/live.ts'

export type Column = (number | null)[]

/** Columns of equal length, some in groups; all that end in a number are of the same second. */
export type Samples = {
  time: number[]
  requests: Record<'2xx' | '3xx' | '4xx' | '5xx', Column>
  redirects: Column
  p50: Column
  p99: Column
  api?: { p50: Column; p99: Column }
  tiers: Record<'hit' | 'edge' | 'miss', Column>
  backlog: Column
  loop_lag: Column
  rss: Column
  cpu: Column
}

type Answer = { asked: number; answered: number; step: number; samples: Samples; now?: Now; replicas?: Replica[] }

export type Overview = {
  /** Undefined until the first answer. */
  samples: Samples | undefined
  /** Seconds between samples. */
  step: number
  /** What came with the samples; the stream of the whole fleet is newer. */
  first: Live | undefined
  error: ApiError | undefined
  retryAt: number
}

const LONGEST_WAIT = 15
const NOTHING: Overview = { samples: undefined, step: 1, first: undefined, error: undefined, retryAt: 0 }

export function useOverview(window: number, replica: string) {
  const [state, setState] = useState(NOTHING)
  const failures = useRef(0)
  const running = useRef<AbortController | undefined>(undefined)

  const load = useCallback(async () => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    try {
      const query = new URLSearchParams({ window: String(window), replica })
      const { data } = await call<Answer>('GET', `/api/overview?${query}`, { signal })
      failures.current = 0
      setState({
        samples: data.samples,
        step: data.step,
        first: { now: data.now, replicas: data.replicas, asked: data.asked, answered: data.answered },
        error: undefined,
        retryAt: 0,
      })
    } catch (thrown) {
      if (signal.aborted) return
      const error = asApiError(thrown)
      const wait = Math.max(error.retryAfter, Math.min(2 ** ++failures.current, LONGEST_WAIT))
      setState((before) => ({ ...before, error, retryAt: Date.now() + wait * 1000 }))
    }
  }, [window, replica])

  useEffect(() => {
    setState((before) => ({ ...NOTHING, first: before.first }))
    void load()
    return () => running.current?.abort()
  }, [load])

  useEffect(() => {
    if (!state.retryAt) return
    const timer = setTimeout(load, state.retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [state.retryAt, load])

  // Samples of seconds become one of ten only on the server, which has the histograms: a wide window is asked for anew.
  useEvery(Math.max(state.step, 10), () => {
    if (state.step > 1 && failures.current === 0) void load()
  })

  const each = useCallback(
    (live: Live) =>
      setState((before) => {
        if (!before.samples || before.step > 1 || !live.sample) return before
        return { ...before, samples: grown(before.samples, live.sample, window) }
      }),
    [window],
  )
  const { stream } = useLive(replica, each, load)

  // What passed while nobody looked, or the line was cut, is in the server's ring.
  const gap = useRef(false)
  useEffect(() => {
    if (stream.phase === 'hidden' || stream.phase === 'cut') gap.current = true
    if (stream.phase === 'open' && gap.current) {
      gap.current = false
      void load()
    }
  }, [stream.phase, load])

  return { ...state, stream, retry: load }
}

/** With one more second, and without those that have left the window. A second that is there already stays as it is. */
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
