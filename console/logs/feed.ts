// The lines of one view of the log: first the newest existing lines, then live ones; or the context of a line.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../kit/server/api.ts'
import { type StreamEvent, useStream } from '../kit/server/stream.ts'
import { logsPath, type View } from './address.ts'
import { createBuffer } from './buffer.ts'
import { type Entry, isLine, keyOf, readKey, readLine } from './line.ts'
import { type Answered, createPast } from './past.ts'

const SHOWN_EVERY = 100 // ms: 1,000 lines a second cause only ten renders
const AT_ONCE = 2_000 // lines parsed before the page may render
const LATE = 5_000 // ms within which a fetched line may still arrive by the stream
const RATE_OF = 3_000

/**
 * `replica`: '' for the one that responds, 'all', or an id; `members` are the ids behind 'all'. A view with another address needs a new feed: give
 * its component a key.
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
    stream,
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
  let closing = false

  /** Loads the existing lines. Live lines wait until they are there. */
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

  /** After this window was hidden for too long to get every line: fetches the missing ones, or adds a note. */
  async function close() {
    if (closing || phase !== 'ready') return
    closing = true
    await attempt(async () => {
      const { lines } = await past.newest()
      const known = new Set<string>()
      for (let number = Math.max(buffer.first(), buffer.end() - AT_ONCE); number < buffer.end(); number++) {
        const entry = buffer.at(number)
        if (isLine(entry)) known.add(keyOf(entry))
      }
      const fresh = lines.filter((line) => !known.has(keyOf(line)))
      if (fresh.length === lines.length && lines.length > 0)
        buffer.add([{ note: 'Lines are missing here: they arrived while this window was hidden' }])
      buffer.add(fresh)
      fetched = new Set(lines.map(keyOf))
      fetchedAt = Date.now()
    })
    closing = false
    show()
  }

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
    if (phase !== 'ready' || closing) return changed()
    const now = Date.now()
    const batch = inbox.splice(0, AT_ONCE)
    const entries = batch.flatMap(read)
    if (now - fetchedAt > LATE) fetched = new Set()
    if (batch.length > 0) arrivals.push([now, entries.length])
    while (arrivals[0] && arrivals[0][0] < now - RATE_OF) arrivals.shift()
    buffer.add(entries)
    changed()
    if (inbox.length > 0) showIn(16)
    else if (arrivals.length > 0) showIn(1_000) // so that the rate falls when no line arrives
  }

  function read({ event, data }: StreamEvent): Entry[] {
    if (event === 'fleet') {
      figures = JSON.parse(data)
      return []
    }
    if (event === 'skipped') {
      const count = Number(data) || 0
      skipped += count
      return [{ note: `${count.toLocaleString('en')} lines skipped: they arrived faster than they could be sent` }]
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
    /** Call it when the stream is open, so that no line falls between fetched and live ones; or when it failed, to show at least the past. */
    opened(why: ApiError | undefined) {
      if (why?.status === 400) {
        error = why
        phase = 'ready'
        return changed()
      }
      if (phase === 'waiting' || (phase === 'ready' && !heard)) void begin() // once lines have arrived, the stream continues after the last
    },
    arrived(batch: StreamEvent[]) {
      heard = true
      if (batch.some(({ event }) => event === 'gap')) void close()
      for (const event of batch) if (event.event !== 'gap') inbox.push(event)
      showIn(SHOWN_EVERY)
    },
    again() {
      if (error && phase === 'ready' && buffer.end() === buffer.first()) void begin()
    },
    /** Loads lines before the oldest one; `newer`: after the newest one of a context. */
    older() {
      if (!past.atStart() && !buffer.full()) page(async () => buffer.addOlder(await past.older(buffer)))
    },
    newer() {
      if (anchor && !past.atEnd()) page(async () => buffer.add(await past.newer(buffer)))
    },
    /** Whether the oldest line of all is loaded. */
    whole: () => past.atStart(),
    error: () => error,
    /** The filter is invalid: a retry cannot help. */
    refused: () => error?.status === 400,
    ready: () => phase === 'ready',
    skipped: () => skipped,
    figures: () => figures,
    /** Lines per second, recently. */
    rate: () => arrivals.reduce((sum, [, lines]) => sum + lines, 0) / (RATE_OF / 1000),
  }
}
