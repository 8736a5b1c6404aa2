// The live tail of this replica's log.
import { type EventStreams, eventStreams } from '../http/event-stream.ts'
import type { LogQuery } from './log-query.ts'
import { type LogRing, numbered } from './logs.ts'

const RESUMED = 500

/** ms a second that patterns of all tails may take together: what comes beyond is skipped, and said so. */
const PATTERNS = 50
const spent = { second: 0, ms: 0 }

/** Whether a tail's reader wants the line; undefined where there is no time left to look. */
export function wants({ match, costly }: Pick<LogQuery, 'match' | 'costly'>, line: string): boolean | undefined {
  if (!match) return true
  if (!costly) return match(line)
  const started = performance.now()
  const second = Math.floor(started / 1000)
  if (second !== spent.second) Object.assign(spent, { second, ms: 0 })
  if (spent.ms > PATTERNS) return undefined
  const wanted = match(line)
  spent.ms += performance.now() - started
  return wanted
}

const withoutServer = eventStreams()

type Following = Partial<Pick<LogQuery, 'match' | 'costly' | 'after'>> & { holds?: () => boolean }

/**
 * Log lines as server-sent events, from `after` (a Last-Event-ID) on. A reader too slow for the log loses lines and is told how many,
 * instead of holding them in memory. It ends when `holds` says that who reads may not any more.
 */
export function logStream(
  ring: LogRing,
  { match, costly = false, after, holds }: Following,
  streams: EventStreams = withoutServer,
): Response {
  return streams.open((reader) => {
    let skipped = 0
    const told = () => skipped === 0 || (reader.event(String(skipped), { event: 'skipped' }) && (skipped = 0) === 0)
    const send = (sequence: number, text: string) => {
      if (!told() || !reader.event(numbered(sequence, text), { id: sequence })) skipped++
    }
    const look = (sequence: number, text: string) => {
      const wanted = wants({ match, costly }, text)
      if (wanted) send(sequence, text)
      else if (wanted === undefined) skipped++
      else told()
    }
    if (after !== undefined) {
      const { oldest, next } = ring.span()
      const from = after < next ? after + 1 : 0 // the process was started again, and counts anew
      if (!match) skipped += Math.max(0, oldest - from) // those that the ring has lost already
      const missed: number[] = []
      for (let sequence = Math.max(oldest, from); sequence < next; sequence++) {
        const wanted = wants({ match, costly }, ring.text(sequence)!)
        if (wanted) missed.push(sequence)
        else if (wanted === undefined) skipped++
      }
      skipped += Math.max(0, missed.length - RESUMED)
      for (const sequence of missed.slice(-RESUMED)) send(sequence, ring.text(sequence)!)
    }
    return ring.follow(look)
  }, holds)
}
