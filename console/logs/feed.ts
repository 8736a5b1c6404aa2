// What one view of the log shows: first the newest lines that are there, then those that come; or a line's neighbours.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../server/api.ts'
import { type StreamEvent, useStream } from '../server/stream.ts'
import { logsPath, type View } from './address.ts'
import { createBuffer } from './buffer.ts'
import { type Entry, keyOf, readKey, readLine } from './line.ts'
import { type Answered, createPast } from './past.ts'

const SHOWN_EVERY = 100 // ms: often enough for the eye, and 1,000 lines a second make ten renders
const AT_ONCE = 2_000 // lines read before the page gets its turn
const LATE = 5_000 // ms within which a line that was fetched may still come by the stream
const RATE_OF = 3_000

export type Feed = ReturnType<typeof useFeed>

/**
 * `replica`: '' the one that answers, 'all', or an id; `members` are the ids behind 'all'. A view of another address is another feed: give its
 * component a key.
 */
export function useFeed(view: View, replica: string, members: string[]) {
  const [, render] = useState(0)
  const source = useMemo(() => createSource(view, replica, members, () => render((count) => count + 1)), [])
  useEffect(() => source.start(), [])
  const stream = useStream(view.around || source.refused() ? undefined : logsPath(view, replica), source.arrived)
  useEffect(() => {
    if (stream.phase === 'open' || stream.phase === 'cut') source.opened(stream.error)
  }, [stream.phase])
  return {
    ...source,
    error: source.error() ?? stream.error,
    phase: stream.phase,
    retryAt: stream.retryAt,
    retry() {
      source.again()
      stream.retry()
    },
  }
}

function createSource(view: View, replica: string, members: string[], changed: () => void) {
  const anchor = readKey(view.around)
  const buffer = createBuffer()
  const stopped = new AbortController()
  const past = createPast(view, replica, members, stopped.signal)
  const inbox: StreamEvent[] = []
  const arrivals: [at: number, lines: number][] = []
  let fetched = new Set<string>()
  let fetchedAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = 0
  let phase: 'waiting' | 'fetching' | 'ready' = 'waiting'
  let heard = false
  let paging = false
  let error: ApiError | undefined
  let skipped = 0
  let figures: Answered = {}

  /** What is there already. While it is on its way, lines that come wait. */
  const begin = () =>
    attempt(async () => {
      phase = 'fetching'
      const { lines, ...answered } = await (anchor ? past.around(anchor) : past.newest())
      buffer.clear()
      buffer.add(lines)
      fetched = new Set(lines.map(keyOf))
      fetchedAt = Date.now()
      figures = answered
    }).then(() => {
      phase = 'ready'
      show()
    })

  const page = (ask: () => Promise<void>) => {
    if (paging || phase !== 'ready') return
    paging = true
    void attempt(ask).then(() => {
      paging = false
      changed()
    })
  }

  async function attempt(work: () => Promise<void>) {
    try {
      await work()
      error = undefined
    } catch (thrown) {
      if (!stopped.signal.aborted) error = asApiError(thrown)
    }
  }

  function showIn(ms: number) {
    const at = Date.now() + ms
    if (timer !== undefined && due <= at) return
    clearTimeout(timer)
    due = at
    timer = setTimeout(show, ms)
  }

  function show() {
    clearTimeout(timer)
    timer = undefined
    if (stopped.signal.aborted) return
    if (phase !== 'ready') return changed()
    const now = Date.now()
    const batch = inbox.splice(0, AT_ONCE)
    const entries = batch.flatMap(read)
    if (now - fetchedAt > LATE) fetched = new Set()
    if (batch.length > 0) arrivals.push([now, entries.length])
    while (arrivals[0] && arrivals[0][0] < now - RATE_OF) arrivals.shift()
    buffer.add(entries)
    changed()
    if (inbox.length > 0) showIn(16)
    else if (arrivals.length > 0) showIn(1_000) // for the rate to fall when no line comes
  }

  function read({ event, data }: StreamEvent): Entry[] {
    if (event === 'fleet') {
      figures = JSON.parse(data)
      return []
    }
    if (event === 'skipped') {
      const count = Number(data) || 0
      skipped += count
      return [{ note: `${count.toLocaleString('en')} lines skipped: they came faster than they could be sent` }]
    }
    const line = readLine(data)
    return line && !(fetched.size > 0 && fetched.has(keyOf(line))) ? [line] : []
  }

  return {
    buffer,
    start() {
      if (anchor) void begin()
      return () => {
        stopped.abort()
        clearTimeout(timer)
      }
    },
    /** The stream runs, so that nothing falls between what was fetched and what comes; or it does not, and at least the past is shown. */
    opened(why: ApiError | undefined) {
      if (why?.status === 400) {
        error = why
        phase = 'ready'
        return changed()
      }
      if (phase === 'waiting' || (phase === 'ready' && !heard)) void begin() // once lines have come, the stream goes on from the last
    },
    arrived(batch: StreamEvent[]) {
      heard = true
      for (const event of batch) inbox.push(event)
      showIn(SHOWN_EVERY)
    },
    again() {
      if (error && phase === 'ready' && buffer.end() === buffer.first()) void begin()
    },
    /** Asks for what is before the oldest line, and after the newest of a line's neighbours. */
    older() {
      if (!past.atStart() && !buffer.full()) page(async () => buffer.addOlder(await past.older(buffer)))
    },
    newer() {
      if (anchor && !past.atEnd()) page(async () => buffer.add(await past.newer(buffer)))
    },
    /** Whether the oldest line of all is here. */
    whole: () => past.atStart(),
    error: () => error,
    /** The server does not understand the filter, and will not tomorrow. */
    refused: () => error?.status === 400,
    ready: () => phase === 'ready',
    skipped: () => skipped,
    figures: () => figures,
    /** Lines a second, lately. */
    rate: () => arrivals.reduce((sum, [, lines]) => sum + lines, 0) / (RATE_OF / 1000),
  }
}
