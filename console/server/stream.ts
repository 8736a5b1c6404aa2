// Server-sent events over fetch: unlike EventSource it knows the server's words when refused, and says whose request it is.
// One connection an address however many parts of the page listen; none while the page is hidden; it resumes where it was cut off.
import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, OWN, refusal } from './api.ts'

export type StreamEvent = { id: string; event: string; data: string }

export type StreamState = {
  /** opening: asked, no answer yet. hidden: nobody looks. cut: there was or is no answer; it is tried again. */
  phase: 'opening' | 'open' | 'hidden' | 'cut'
  error: ApiError | undefined
  /** When it is tried again, in ms since 1970. */
  retryAt: number
}

type Listener = { events: (batch: StreamEvent[]) => void; state: (state: StreamState) => void }

const SILENCE = 12_000 // the server says something every 5 s
const LONGEST_WAIT = 15
const OPENING: StreamState = { phase: 'opening', error: undefined, retryAt: 0 }

const streams = new Map<string, ReturnType<typeof connect>>()

/**
 * Follows `path` while the component is there, and nothing without one. `events` gets what one piece of the network brought, in order.
 * Last-Event-ID is kept for as long as somebody listens to the same path.
 */
export function useStream(path: string | undefined, events: (batch: StreamEvent[]) => void): StreamState & { retry: () => void } {
  const latest = useRef(events)
  latest.current = events
  const [state, setState] = useState(OPENING)
  useEffect(() => {
    setState(OPENING)
    if (path === undefined) return
    return listen(path, { events: (batch) => latest.current(batch), state: setState })
  }, [path])
  return { ...state, retry: () => void (path !== undefined && streams.get(path)?.retry()) }
}

function listen(path: string, listener: Listener): () => void {
  const stream = streams.get(path) ?? connect(path)
  streams.set(path, stream)
  stream.listeners.add(listener)
  listener.state(stream.state())
  return () => {
    stream.listeners.delete(listener)
    // A page that follows the one that left may want the same stream.
    setTimeout(() => {
      if (stream.listeners.size > 0 || streams.get(path) !== stream) return
      streams.delete(path)
      stream.stop()
    })
  }
}

function connect(path: string) {
  const listeners = new Set<Listener>()
  let state = OPENING
  let lastId = ''
  let failures = 0
  let timer: Timer | undefined
  let running: AbortController | undefined

  const say = (next: Partial<StreamState>) => {
    state = { ...OPENING, ...next }
    for (const { state: tell } of listeners) tell(state)
  }

  async function run() {
    clearTimeout(timer)
    running?.abort()
    if (document.visibilityState === 'hidden') return say({ phase: 'hidden' })
    const mine = (running = new AbortController())
    let silence: Timer | undefined
    const heard = () => {
      clearTimeout(silence)
      silence = setTimeout(() => mine.abort(new Error('The server has fallen silent.')), SILENCE)
    }
    try {
      if (state.phase !== 'cut') say({ phase: 'opening' })
      heard()
      const headers = { Accept: 'text/event-stream', ...OWN, ...(lastId ? { 'Last-Event-ID': lastId } : {}) }
      const response = await fetch(path, { headers, signal: mine.signal, cache: 'no-store' })
      if (!response.ok || !response.body) throw await refusal(response)
      say({ phase: 'open' })
      const parse = parser((id) => (lastId = id))
      for await (const text of response.body.pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
        heard()
        failures = 0
        const batch = parse(text)
        if (batch.length > 0) for (const { events } of listeners) events(batch)
      }
      throw new Error('The server ended the stream.')
    } catch (thrown) {
      if (running !== mine) return // another one runs, or nobody listens any more
      const wait = Math.min(2 ** failures++, LONGEST_WAIT)
      const error = asApiError(mine.signal.aborted ? mine.signal.reason : thrown)
      const seconds = Math.max(wait, error.retryAfter)
      if (error.status === 401) return say({ phase: 'cut', error })
      say({ phase: 'cut', error, retryAt: Date.now() + seconds * 1000 })
      timer = setTimeout(run, seconds * 1000)
    } finally {
      clearTimeout(silence)
    }
  }

  const look = () => {
    if (document.visibilityState === 'visible') return void run()
    const old = running
    running = undefined
    old?.abort()
    clearTimeout(timer)
    say({ phase: 'hidden' })
  }
  document.addEventListener('visibilitychange', look)
  void run()

  return {
    listeners,
    state: () => state,
    retry: () => void run(),
    stop() {
      document.removeEventListener('visibilitychange', look)
      clearTimeout(timer)
      const old = running
      running = undefined
      old?.abort()
    },
  }
}

type Timer = ReturnType<typeof setTimeout>

/** From pieces of text to events; what is not complete waits for the next piece. */
function parser(seen: (id: string) => void) {
  let rest = ''
  let id = ''
  let event = 'message'
  let data: string[] = []
  return (text: string): StreamEvent[] => {
    const events: StreamEvent[] = []
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ id, event, data: data.join('\n') })
        event = 'message'
        data = []
      } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      else if (line.startsWith('id:')) seen((id = line.slice(3).trim()))
      else if (line.startsWith('event:')) event = line.slice(6).trim()
    }
    return events
  }
}
