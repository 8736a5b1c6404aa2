// A live stream, for as long as a part of the page follows it. It stops while the page is hidden, and resumes where it stopped.
import { useEffect, useRef, useState } from 'preact/hooks'
import { session } from './session.ts'
import type { StreamEvent } from './sse.ts'
import { sharedStreams } from './stream-port.ts'
import { OPENING, type StreamState } from './streams.ts'

export type { StreamEvent } from './sse.ts'
export type { StreamState } from './streams.ts'

type Listener = { events: (batch: StreamEvent[]) => void; state: (state: StreamState) => void }

const streams = sharedStreams(() => new SharedWorker('/console/streams-worker.js', { name: process.env.CONSOLE_WORKER }))
const followed = new Map<string, ReturnType<typeof followWhileVisible>>()

/**
 * Follows `path` while the component is mounted; without a path, nothing. `events` gets the events of one chunk, in order. The position is kept
 * for as long as somebody listens to the same path.
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
  return { ...state, retry: retryStreams }
}

/** Opens every stream again, in all windows: on request, or because somebody else has signed in. */
export const retryStreams = () => streams.retry()

function listen(path: string, listener: Listener): () => void {
  const stream = followed.get(path) ?? followWhileVisible(path)
  followed.set(path, stream)
  stream.listeners.add(listener)
  listener.state(stream.state())
  return () => {
    stream.listeners.delete(listener)
    // The next page may need the same stream.
    setTimeout(() => {
      if (stream.listeners.size > 0 || followed.get(path) !== stream) return
      followed.delete(path)
      stream.stop()
    })
  }
}

function followWhileVisible(path: string) {
  const listeners = new Set<Listener>()
  let state = OPENING
  let last = ''
  let leave: (() => void) | undefined

  const say = (next: StreamState) => {
    state = next
    if (next.error?.status === 401) session.refuse()
    for (const { state: tell } of listeners) tell(next)
  }
  const look = () => {
    if (document.visibilityState === 'visible') {
      leave ??= streams.follow(path, last, {
        events(batch) {
          last = batch.findLast(({ id }) => id)?.id ?? last
          for (const { events } of listeners) events(batch)
        },
        state: say,
      })
    } else {
      leave?.()
      leave = undefined
      say({ ...OPENING, phase: 'hidden' })
    }
  }
  document.addEventListener('visibilitychange', look)
  look()

  return {
    listeners,
    state: () => state,
    stop() {
      document.removeEventListener('visibilitychange', look)
      leave?.()
      leave = undefined
    },
  }
}
