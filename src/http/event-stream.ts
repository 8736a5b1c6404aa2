// Server-sent events: a limited number of streams, each with a limited queue. A stream ends when the server drains, when its reader reads nothing for
// 15 s, and when its reader is no longer authorised.
import { unavailable } from '../base/problem.ts'

/** One reader. If its queue is full, `event` drops the event and returns false, and the caller counts it. */
export type StreamReader = { event: (data: string, of?: { id?: string | number; event?: string }) => boolean }

/** Starts writing to a reader; returns how to stop. */
export type Start = (reader: StreamReader) => () => void

export type EventStreams = ReturnType<typeof eventStreams>

const HEARTBEAT = 1_000 // so that a reader notices within 3 s that the server or the network is frozen
const STUCK_AFTER = 15 // heartbeats in a row with data waiting and nothing read
const CHECK_EVERY = 500
const QUEUE_BYTES = 256 * 1024 // some 800 log lines, the most that the access log writes in a second or two
const SMALLEST = 256 // minimum bytes that an event counts as: each is an object, too
const MAX_STREAMS = 100

const HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' }
const encoder = new TextEncoder()
const sizeOf = (chunk: Uint8Array | undefined) => Math.max(chunk?.byteLength ?? 0, SMALLEST)

/** At most `limit` streams at once: 100 readers that read nothing take 25 MB. */
export function eventStreams(limit = MAX_STREAMS) {
  const ends = new Set<() => void>()

  return {
    /** Streams what `start` writes, while `stillAuthorised` (of the exchange) is true. 503 if `limit` streams are open. */
    open(start: Start, stillAuthorised?: () => boolean): Response {
      if (ends.size >= limit)
        throw unavailable(`too many streams are open already (${limit}): close one, or try again in a moment`)
      let end = (_error?: Error) => {}
      const stream = new ReadableStream<Uint8Array>(
        {
          start(controller) {
            let sent = 0
            const waiting = () => QUEUE_BYTES - (controller.desiredSize ?? QUEUE_BYTES)
            const fits = () => waiting() < QUEUE_BYTES
            const write = (text: string) => {
              const bytes = encoder.encode(text)
              sent += sizeOf(bytes)
              controller.enqueue(bytes)
            }
            write(': stream\n\n')
            let ended = false
            const stop = start({
              event(data, { id, event } = {}) {
                if (ended || !fits()) return false
                write(`${event ? `event: ${event}\n` : ''}${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`)
                return true
              },
            })
            let stuck = 0
            let lastRead = 0
            const heartbeat = setInterval(() => {
              stuck = waiting() > 0 && sent - waiting() === lastRead ? stuck + 1 : 0
              lastRead = sent - waiting()
              if (stuck >= STUCK_AFTER) end(new Error('the reader is stuck'))
              else if (fits()) write(': alive\n\n')
            }, HEARTBEAT)
            const authorisation = stillAuthorised && setInterval(() => !stillAuthorised() && end(), CHECK_EVERY)
            end = (error) => {
              end = () => {}
              ended = true
              clearInterval(heartbeat)
              clearInterval(authorisation)
              ends.delete(drain)
              stop()
              try {
                if (error) controller.error(error)
                else controller.close()
              } catch {
                // the reader left
              }
            }
            const drain = () => end()
            ends.add(drain)
          },
          cancel: () => end(),
        },
        { highWaterMark: QUEUE_BYTES, size: sizeOf },
      )
      return new Response(stream, { headers: HEADERS })
    },
    /** Ends every stream, for a drain: the readers reconnect to another replica, with Last-Event-ID. */
    endAll: () => [...ends].forEach((end) => end()),
    size: () => ends.size,
  }
}
