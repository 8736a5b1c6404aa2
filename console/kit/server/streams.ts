// All live streams over one connection, GET /api/streams: over HTTP/1.1 a browser has six per server. Each stream resumes where it stopped.
// Runs in a worker that all windows share, or in the page itself, so it uses no document.
import { waitAfter } from './back-off.ts'
import { ApiError, asApiError, OWN, refusalOf } from './refusal.ts'
import { type StreamEvent, sseParser } from './sse.ts'

export type StreamState = {
  /**
   * opening: requested, no answer yet. silent: nothing arrived for 3 s, since `heardAt`. hidden: the tab is hidden. cut: the connection failed;
   * `retryAt` says when it is tried again.
   */
  phase: 'opening' | 'open' | 'silent' | 'hidden' | 'cut'
  error: ApiError | undefined
  /** When it is tried again, in ms since 1970; 0: only on request. */
  retryAt: number
  /** When something last arrived, in ms since 1970. */
  heardAt: number
}

/** Gets the events of one chunk, in order, and the state of the stream. An event `gap` means that some are missing. */
export type Follower = { events: (batch: StreamEvent[]) => void; state: (state: StreamState) => void }

type Channel = {
  path: string
  followers: Set<Follower>
  last: string
  recent: StreamEvent[]
  size: number
  state: StreamState
  failures: number
}
type Timer = ReturnType<typeof setTimeout>

export type Streams = ReturnType<typeof createStreams>

export const OPENING: StreamState = { phase: 'opening', error: undefined, retryAt: 0, heardAt: 0 }

const SILENT_AFTER = 3_000 // the server sends something each second
const GIVEN_UP_AFTER = 12_000
const LEAVE = 1_000 // the next page often needs the same stream
const KEPT = 500_000 // characters of each stream, for a window that comes back to it

const MOST = 20
const LONGEST_ADDRESS = 7_500 // of nginx's 8 kB for a request's first line

/** A retry cannot help. */
const isFinal = ({ status }: ApiError) => status >= 400 && status < 500 && status !== 408 && status !== 429

const isRefused = ({ state: { error } }: Channel) => error !== undefined && isFinal(error)

const addressOf = (requested: Channel[]) =>
  `/api/streams?${new URLSearchParams(
    requested.flatMap(({ path, last }) => [
      ['of', path],
      ['last', last],
    ]),
  )}`

export function createStreams() {
  const channels = new Map<string, Channel>()
  let running: AbortController | undefined
  let timer: Timer | undefined
  let failures = 0

  const say = (channel: Channel, next: Partial<StreamState>) => {
    channel.state = { ...OPENING, heardAt: channel.state.heardAt, ...next }
    for (const { state } of channel.followers) state(channel.state)
  }
  const connectIn = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(connect, ms)
  }

  async function connect() {
    clearTimeout(timer)
    running?.abort()
    running = undefined
    for (const [path, { followers }] of channels) if (followers.size === 0) channels.delete(path)
    const requested = fitting([...channels.values()].filter((channel) => !isRefused(channel)))
    if (requested.length === 0) return
    const mine = (running = new AbortController())
    const watch = watchFor(mine, requested)
    try {
      const headers = { Accept: 'text/event-stream', ...OWN }
      const response = await fetch(addressOf(requested), { headers, signal: mine.signal, cache: 'no-store' })
      if (!response.ok || !response.body) throw await refusalOf(response)
      const parse = sseParser()
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        watch.heard()
        failures = 0
        give(requested, parse(text))
      }
      throw new Error('The server ended the stream.')
    } catch (thrown) {
      if (running !== mine) return // another request runs, or nobody listens any more
      running = undefined
      const error = asApiError(mine.signal.aborted ? mine.signal.reason : thrown)
      const seconds = waitAfter(failures++, error)
      const again = !isFinal(error)
      const retryAt = again ? Date.now() + seconds * 1000 : 0
      for (const channel of requested) if (!isRefused(channel)) say(channel, { phase: 'cut', error, retryAt })
      if (again) connectIn(seconds * 1000)
    } finally {
      watch.end()
    }
  }

  /** As many as the server accepts at once, the first ones first. */
  function fitting(requested: Channel[]): Channel[] {
    let most = Math.min(requested.length, MOST)
    while (most > 1 && addressOf(requested.slice(0, most)).length > LONGEST_ADDRESS) most--
    for (const channel of requested.slice(most))
      say(channel, { phase: 'cut', error: new ApiError(0, 'Too many live views are open in this browser. Close one of them.') })
    return requested.slice(0, most)
  }

  /** Reports silence, and aborts the request if it lasts. */
  function watchFor(mine: AbortController, requested: Channel[]) {
    let silent: Timer | undefined
    let given: Timer | undefined
    const begin = () => {
      clearTimeout(silent)
      clearTimeout(given)
      silent = setTimeout(() => {
        for (const channel of requested) if (channel.state.phase === 'open') say(channel, { phase: 'silent' })
      }, SILENT_AFTER)
      given = setTimeout(() => mine.abort(new Error('The server does not answer.')), GIVEN_UP_AFTER)
    }
    begin()
    return {
      heard() {
        begin()
        const now = Date.now()
        for (const channel of requested) {
          channel.state = { ...channel.state, heardAt: now }
          if (channel.state.phase === 'silent') say(channel, { phase: 'open' })
        }
      },
      end() {
        clearTimeout(silent)
        clearTimeout(given)
      },
    }
  }

  function give(requested: Channel[], events: StreamEvent[]) {
    const batches = new Map<Channel, StreamEvent[]>()
    for (const { id, event, data } of events) {
      const [place, name = 'message'] = event.split(' ')
      const channel = requested[Number(place)]
      if (!channel) continue
      if (name === 'open') {
        channel.failures = 0
        if (channel.state.phase !== 'open') say(channel, { phase: 'open' })
      } else if (name === 'refused') refuse(channel, JSON.parse(data))
      else {
        if (id) channel.last = id
        const one = { id, event: name, data }
        keep(channel, one)
        batches.set(channel, [...(batches.get(channel) ?? []), one])
      }
    }
    for (const [channel, batch] of batches) for (const follower of channel.followers) follower.events(batch)
  }

  /** Only this stream is refused; the others continue. */
  function refuse(channel: Channel, { status, error, details }: { status: number; error: string; details?: never[] }) {
    const refusal = new ApiError(status, error, details)
    if (isFinal(refusal)) return say(channel, { phase: 'cut', error: refusal })
    const wait = waitAfter(++channel.failures) * 1000
    say(channel, { phase: 'cut', error: refusal, retryAt: Date.now() + wait })
    connectIn(wait)
  }

  function keep(channel: Channel, event: StreamEvent) {
    channel.recent.push(event)
    channel.size += event.data.length
    while (channel.size > KEPT && channel.recent.length > 1) channel.size -= channel.recent.shift()!.data.length
  }

  /** Sends what arrived after `since` to a new follower. */
  function catchUp({ recent, last }: Channel, since: string, follower: Follower) {
    if (!since || since === last) return
    const place = recent.findLastIndex(({ id }) => id === since)
    const missed = place < 0 ? [{ id: '', event: 'gap', data: '' }] : recent.slice(place + 1)
    if (missed.length > 0) follower.events(missed)
  }

  return {
    /** Sends the events of `path` after `last` to `follower`. Returns a function that ends it. */
    follow(path: string, last: string, follower: Follower): () => void {
      let channel = channels.get(path)
      if (channel) {
        channel.followers.add(follower)
        catchUp(channel, last, follower)
      } else {
        channel = { path, followers: new Set([follower]), last, recent: [], size: 0, state: OPENING, failures: 0 }
        channels.set(path, channel)
        connectIn(0)
      }
      follower.state(channel.state)
      return () => {
        channel.followers.delete(follower)
        if (channel.followers.size === 0)
          setTimeout(() => channel.followers.size === 0 && channels.get(path) === channel && connectIn(0), LEAVE)
      }
    },
    /** Retries now: on request, or because somebody else has signed in. */
    retry() {
      for (const channel of channels.values()) if (channel.state.phase === 'cut') channel.state = { ...OPENING, phase: 'cut' }
      connectIn(0)
    },
  }
}
