// The live tail of this replica's log.
import type { Start } from '../http/event-stream.ts'
import { type LogRing, numbered } from '../telemetry/logs.ts'
import type { LogQuery } from './query.ts'

const RESUMED = 500

/** ms per second that the patterns of all tails may use together: further lines are skipped, and reported as skipped. */
const PATTERNS = 50
const spent = { second: 0, ms: 0 }

/** Whether a line matches a tail's filters; undefined if the time for patterns is used up. */
export function matches({ match, costly }: Pick<LogQuery, 'match' | 'costly'>, line: string): boolean | undefined {
  if (!match) return true
  if (!costly) return match(line)
  const started = performance.now()
  const second = Math.floor(started / 1000)
  if (second !== spent.second) Object.assign(spent, { second, ms: 0 })
  if (spent.ms > PATTERNS) return undefined
  const matched = match(line)
  spent.ms += performance.now() - started
  return matched
}

type Following = Partial<Pick<LogQuery, 'match' | 'costly' | 'after'>>

/**
 * Sends log lines as server-sent events, starting after `after` (a Last-Event-ID). A reader that is too slow misses lines and gets their
 * number; lines are not buffered for it.
 */
export function logStream(ring: LogRing, { match, costly = false, after }: Following): Start {
  return (reader) => {
    let skipped = 0
    const reportSkipped = () => skipped === 0 || (reader.event(String(skipped), { event: 'skipped' }) && (skipped = 0) === 0)
    const send = (sequence: number, text: string) => {
      if (!reportSkipped() || !reader.event(numbered(sequence, text), { id: sequence })) skipped++
    }
    const sendIfMatching = (sequence: number, text: string) => {
      const matched = matches({ match, costly }, text)
      if (matched) send(sequence, text)
      else if (matched === undefined) skipped++
      else reportSkipped()
    }
    if (after !== undefined) {
      const { oldest, next } = ring.span()
      const from = after < next ? after + 1 : 0 // the process was restarted, and its numbering too
      if (!match) skipped += Math.max(0, oldest - from) // lines that the ring has overwritten already
      const missed: number[] = []
      for (let sequence = Math.max(oldest, from); sequence < next; sequence++) {
        const matched = matches({ match, costly }, ring.text(sequence)!)
        if (matched) missed.push(sequence)
        else if (matched === undefined) skipped++
      }
      skipped += Math.max(0, missed.length - RESUMED)
      for (const sequence of missed.slice(-RESUMED)) send(sequence, ring.text(sequence)!)
    }
    return ring.follow(sendIfMatching)
  }
}
