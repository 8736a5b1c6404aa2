// The messages between windows and the worker that they share.
import { ApiError } from './refusal.ts'
import type { StreamEvent } from './sse.ts'
import { createStreams, type Follower, type StreamState, type Streams } from './streams.ts'

type Asked = { follow: number; path: string; last: string } | { leave: number } | { retry: true } | { here: true }
type Told =
  | { hello: true }
  /** The worker had assumed that this window was closed. */
  | { lost: true }
  | { of: number; batch: StreamEvent[] }
  | { of: number; state: Omit<StreamState, 'error'> & { error?: Plain } }

/** An error as a plain object: of an instance of a class, only the text would arrive. */
type Plain = Pick<ApiError, 'status' | 'message' | 'details' | 'retryAfter'>

const HERE_EVERY = 10_000
const GONE_AFTER = 45_000 // timers of a hidden page may be late
const HELLO_WITHIN = 4_000

/** The worker's side of the connection to a window. */
export function answerPort(port: MessagePort, streams: Streams) {
  const followed = new Map<number, () => void>()
  let heardAt = Date.now()
  let lost = false
  const tell = (told: Told) => port.postMessage(told)
  const leaveAll = () => {
    for (const leave of followed.values()) leave()
    followed.clear()
  }
  port.onmessage = ({ data }: MessageEvent<Asked>) => {
    heardAt = Date.now()
    if (lost) {
      lost = false
      tell({ lost: true })
    }
    if ('follow' in data) {
      const of = data.follow
      followed.set(
        of,
        streams.follow(data.path, data.last, {
          events: (batch) => tell({ of, batch }),
          state: ({ error, ...state }) => tell({ of, state: { ...state, error: error && plain(error) } }),
        }),
      )
    } else if ('leave' in data) {
      followed.get(data.leave)?.()
      followed.delete(data.leave)
    } else if ('retry' in data) streams.retry()
  }
  tell({ hello: true })
  return {
    /** Whether the window has sent something recently. A silent one gets no more messages until it does. */
    isThere(): boolean {
      if (Date.now() - heardAt > GONE_AFTER) {
        lost ||= followed.size > 0
        leaveAll()
      }
      return Date.now() - heardAt < 24 * 3_600_000
    },
  }
}

/** The streams of the worker; of this window itself if there is no worker, or it does not answer. */
export function sharedStreams(open: () => SharedWorker): Streams {
  const following = new Map<number, { path: string; last: string; follower: Follower; leave?: () => void }>()
  let own: Streams | undefined
  let port: MessagePort | undefined
  let count = 0
  let greeted = false

  const alone = () => {
    if (own || greeted) return
    own = createStreams()
    port = undefined
    for (const one of following.values()) one.leave = own.follow(one.path, one.last, one.follower)
  }
  const ask = (asked: Asked) => port?.postMessage(asked)
  try {
    const worker = open()
    worker.onerror = alone
    port = worker.port
    port.onmessage = ({ data }: MessageEvent<Told>) => {
      if ('hello' in data) greeted = true
      else if ('lost' in data) for (const [of, { path, last }] of following) ask({ follow: of, path, last })
      else {
        const one = following.get(data.of)
        if (!one) return
        if ('batch' in data) {
          one.last = data.batch.findLast(({ id }) => id)?.id ?? one.last
          one.follower.events(data.batch)
        } else {
          const { error, ...state } = data.state
          one.follower.state({
            ...state,
            error: error && new ApiError(error.status, error.message, error.details, error.retryAfter),
          })
        }
      }
    }
    setTimeout(alone, HELLO_WITHIN)
    setInterval(() => following.size > 0 && ask({ here: true }), HERE_EVERY)
  } catch {
    alone() // an old browser, or one that blocks storage
  }

  return {
    follow(path, last, follower) {
      const of = ++count
      const one: { path: string; last: string; follower: Follower; leave?: () => void } = { path, last, follower }
      following.set(of, one)
      if (own) one.leave = own.follow(path, last, follower)
      else ask({ follow: of, path, last })
      return () => {
        following.delete(of)
        if (own) one.leave?.()
        else ask({ leave: of })
      }
    },
    retry() {
      if (own) own.retry()
      else ask({ retry: true })
    },
  }
}

const plain = ({ status, message, details, retryAfter }: ApiError): Plain => ({ status, message, details, retryAfter })
