// Server-sent events: a bounded number of streams, each with a bounded queue. One ends when the server drains, when its reader takes nothing
// for 15 s, and when who reads may not any more.
import { unavailable } from './problem.ts'

/** One reader. What does not fit its queue is not kept: `event` then says false, and the caller counts what it skipped. */
export type Reader = {
  event: (data: string, of?: { id?: string | number; event?: string }) => boolean
  /** Only moves the browser's Last-Event-ID. */
  mark: (id: string) => void
}

export type EventStreams = ReturnType<typeof eventStreams>

const HEARTBEAT = 5_000 // under the server's idle time-out, and soon enough for a proxy
const STUCK_AFTER = 3 // heartbeats in a row that find something waiting and nothing taken
const ASK_EVERY = 500
const QUEUE_BYTES = 256 * 1024 // some 800 log lines, the most that the access log writes in a second or two
const SMALLEST = 256 // bytes that an event counts as at least: each is an object, too
const MAX_STREAMS = 100

const HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' }
const encoder = new TextEncoder()
const sizeOf = (chunk: Uint8Array | undefined) => Math.max(chunk?.byteLength ?? 0, SMALLEST)

/** At most `limit` streams at once: 100 readers that read nothing hold 25 MB. */
export function eventStreams(limit = MAX_STREAMS) {
  const ends = new Set<() => void>()

  return {
    /**
     * `start` begins to write and returns what stops it. `holds`, an exchange's, says whether who reads still may. 503 where there are as many
     * streams as there may be.
     */
    open(start: (reader: Reader) => () => void, holds?: () => boolean): Response {
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
              mark: (id) => void (!ended && fits() && write(`id: ${id}\n\n`)),
            })
            let stuck = 0
            let taken = 0
            const heartbeat = setInterval(() => {
              stuck = waiting() > 0 && sent - waiting() === taken ? stuck + 1 : 0
              taken = sent - waiting()
              if (stuck >= STUCK_AFTER) end(new Error('the reader is stuck'))
              else if (fits()) write(': alive\n\n')
            }, HEARTBEAT)
            const asking = holds && setInterval(() => !holds() && end(), ASK_EVERY)
            end = (error) => {
              end = () => {}
              ended = true
              clearInterval(heartbeat)
              clearInterval(asking)
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
    /** Ends every stream, for a drain: their readers come back to another replica, with Last-Event-ID. */
    endAll: () => [...ends].forEach((end) => end()),
    size: () => ends.size,
  }
}
