// The log: pino to standard output (pretty on a terminal, JSON otherwise) and to a ring in memory that /logs reads.
import pino from 'pino'
import pretty from 'pino-pretty'
import { errorForLog } from './log-error.ts'

export type Log = pino.Logger
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** A line of the ring, as /logs answers it. `sequence` grows by one a line. */
export type LogLine = { sequence: number; time: string; level: LogLevel; message: string } & Record<string, unknown>

export type LogQuery = { limit: number; filter?: string; level?: LogLevel; after?: number }

/** The newest lines of this process. Lines are kept as text and parsed when read. */
export type LogRing = {
  write: (line: string) => void
  /** Newest first. */
  read: (query: LogQuery) => LogLine[]
  /** Calls `listener` for every line from now on; returns the way to stop. */
  follow: (listener: (line: LogLine) => void) => () => void
}

const RING_LINES = 10_000
const RING_BYTES = 16 * 1024 * 1024

export function createLog(level: LogLevel, ring: LogRing, terminal = process.stdout.isTTY): Log {
  const stdout = terminal
    ? pretty({ colorize: true, ignore: 'hostname', messageKey: 'message', translateTime: 'SYS:HH:MM:ss', sync: true })
    : pino.destination({ dest: 1, sync: false })
  return pino(
    {
      level: pino.levels.values[level]! < pino.levels.values.info! ? level : 'info', // the ring keeps info and above in any case
      messageKey: 'message',
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorForLog },
    },
    pino.multistream([
      { level, stream: stdout },
      { level: 'info', stream: ring },
    ]),
  )
}

/** Writes what is buffered, synchronously: the last thing before exit. */
export function flushLog(log: Log) {
  try {
    log.flush()
  } catch {
    // nothing was written yet
  }
}

export function createLogRing(maxLines = RING_LINES, maxBytes = RING_BYTES): LogRing {
  const lines: string[] = [] // a circle once full: the line of sequence n is at n % maxLines
  const listeners = new Set<(line: LogLine) => void>()
  let next = 0
  let oldest = 0
  let bytes = 0

  const at = (sequence: number): LogLine => ({ sequence, ...JSON.parse(lines[sequence % maxLines]!) })

  return {
    write(text) {
      const line = text.trimEnd()
      while (next - oldest >= maxLines || (bytes + line.length > maxBytes && oldest < next)) {
        bytes -= lines[oldest % maxLines]!.length
        lines[oldest % maxLines] = ''
        oldest++
      }
      lines[next % maxLines] = line
      bytes += line.length
      next++
      if (listeners.size > 0) for (const listener of listeners) listener(at(next - 1))
    },
    read({ limit, filter, level, after = -1 }) {
      const found: LogLine[] = []
      const wanted = filter?.toLowerCase()
      for (let sequence = next - 1; sequence >= oldest && sequence > after && found.length < limit; sequence--) {
        const line = lines[sequence % maxLines]!
        if (level && !line.startsWith(`{"level":"${level}"`)) continue
        if (wanted && !line.toLowerCase().includes(wanted)) continue
        found.push(at(sequence))
      }
      return found
    },
    follow(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
