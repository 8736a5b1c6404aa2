import { unavailable } from '../http/problem.ts'
import type { LogLevel, LogRing } from './logs.ts'

const HEARTBEAT = 5_000
const ASK_EVERY = 500
const MAX_QUEUED = 1_000
const STUCK_AFTER = 3 // heartbeats in a row that find lines waiting and none taken
const MAX_READERS = 100

let readers = 0

/**
 * Log lines as server-sent events, from `after` (a Last-Event-ID) on. A reader too slow for the log loses lines and is told how many,
 * instead of holding them in memory; one that takes nothing for 15 s is cut off. 503 for the 101st at once. It ends when `holds` says that
 * who reads may not any more.
 */
export function logStream(
  ring: LogRing,
  { filter, level, after, holds }: { filter?: string; level?: LogLevel; after?: number; holds?: () => boolean },
): Response {
  if (readers >= MAX_READERS) throw unavailable('too many follow the log already')
  let stop = () => {}
  const stream = new ReadableStream<string>(
    {
      start(controller) {
        let skipped = 0
        let sent = 0
        const put = (text: string) => {
          sent++
          controller.enqueue(text)
        }
        const send = (line: { sequence: number }) => {
          if ((controller.desiredSize ?? 0) <= 0) {
            skipped++
            return
          }
          if (skipped > 0) put(`event: skipped\ndata: ${skipped}\n\n`)
          skipped = 0
          put(`id: ${line.sequence}\ndata: ${JSON.stringify(line)}\n\n`)
        }
        put(': tail\n\n')
        if (after !== undefined) {
          const missed = ring.read({ limit: Number.POSITIVE_INFINITY, filter, level, after }).reverse()
          const resumed = missed.slice(-MAX_QUEUED / 2)
          skipped = missed.length - resumed.length
          if (!filter && !level && missed[0]) skipped += missed[0].sequence - after - 1 // those that the ring has lost already
          for (const line of resumed) send(line)
        }
        const wanted = filter?.toLowerCase()
        const unfollow = ring.follow((line) => {
          if (level && line.level !== level) return
          if (wanted && !JSON.stringify(line).toLowerCase().includes(wanted)) return
          send(line)
        })
        let stuck = 0
        let taken = 0
        const heartbeat = setInterval(() => {
          const waiting = MAX_QUEUED - (controller.desiredSize ?? 0)
          stuck = waiting > 0 && sent - waiting === taken ? stuck + 1 : 0
          taken = sent - waiting
          if (stuck < STUCK_AFTER) {
            if (waiting < MAX_QUEUED) put(': alive\n\n')
            return
          }
          stop()
          controller.error(new Error('the reader is stuck'))
        }, HEARTBEAT)
        const asking = setInterval(() => {
          if (holds?.() ?? true) return
          stop()
          controller.close()
        }, ASK_EVERY)
        readers++
        stop = () => {
          stop = () => {}
          readers--
          unfollow()
          clearInterval(heartbeat)
          clearInterval(asking)
        }
      },
      cancel: () => stop(),
    },
    { highWaterMark: MAX_QUEUED },
  )
  return new Response(stream.pipeThrough(new TextEncoderStream()), {
    headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
  })
}
