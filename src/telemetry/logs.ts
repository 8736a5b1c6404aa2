// The log: pino to standard output (pretty on a terminal, JSON otherwise) and to a ring in memory that /logs reads.
import pino from 'pino'
import { prettyFactory } from 'pino-pretty'
import { errorForLog } from './log-error.ts'
import { type LogOutput, logOutput } from './log-output.ts'

export type Log = pino.Logger
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** A line of the ring, as /logs returns it. `sequence` increases by one per line. */
type LogLine = { sequence: number; time: string; level: LogLevel; message: string } & Record<string, unknown>

/** The newest lines of this process, stored as text and parsed when read. */
export type LogRing = {
  write: (line: string) => void
  /** Newest first; `filter` matches a part of the line, in any case. */
  read: (query: { limit: number; filter?: string; level?: LogLevel; after?: number }) => LogLine[]
  /** The available sequences: from `oldest` to before `next`. */
  span: () => { oldest: number; next: number }
  /** A line as it was written; undefined if it is no longer kept. */
  text: (sequence: number) => string | undefined
  /** Calls `listener` for every new line; returns how to stop. */
  follow: (listener: (sequence: number, text: string) => void) => () => void
}

const RING_LINES = 10_000
const RING_BYTES = 16 * 1024 * 1024

/** `mark`: fields of every line. */
export function createLog(
  level: LogLevel,
  ring: LogRing,
  terminal = process.stdout.isTTY,
  mark?: () => Record<string, unknown>,
): Log {
  const output = standardOutput()
  const pretty = terminal
    ? prettyFactory({ colorize: true, ignore: 'hostname', messageKey: 'message', translateTime: 'SYS:HH:MM:ss' })
    : String
  const stdout = { write: (line: string) => output.write(pretty(line)) }
  const streams = pino.multistream([
    { level, stream: stdout },
    { level: 'info', stream: ring },
  ])
  const log = pino(
    {
      level: lowest(level),
      messageKey: 'message',
      base: undefined,
      ...(mark && { mixin: mark }),
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorForLog },
    },
    streams,
  )
  output.onFlow((lines) =>
    log.warn(
      { lines },
      'standard output was not read for a while: this many lines of the log were dropped; /logs has the newest ones',
    ),
  )
  levelSetters.set(log, (to) => {
    const entries = streams.streams as unknown as { level: number; stream: unknown }[]
    entries.find(({ stream }) => stream === stdout)!.level = pino.levels.values[to]!
    entries.sort((a, b) => a.level - b.level) // pino stops at the first stream whose level is too high
    log.level = lowest(to)
  })
  return log
}

/** Sends lines of this level and above to standard output. */
export const setLogLevel = (log: Log, level: LogLevel) => levelSetters.get(log)?.(level)

const levelSetters = new WeakMap<Log, (level: LogLevel) => void>()

/** The ring always keeps info and above. */
const lowest = (level: LogLevel): LogLevel => (pino.levels.values[level]! < pino.levels.values.info! ? level : 'info')

let standard: LogOutput | undefined

function standardOutput(): LogOutput {
  if (!standard) {
    standard = logOutput(1)
    process.on('exit', standard.atExit)
  }
  return standard
}

/** Resolves when all lines are written, after `ms` at the latest: standard output may not be read. */
export const flushLog = (ms: number) => standardOutput().flush(ms)

/** Lines dropped because they were not read and memory was full. */
export const droppedLines = () => standardOutput().dropped()

export function createLogRing(maxLines = RING_LINES, maxBytes = RING_BYTES): LogRing {
  const lines: string[] = [] // a ring buffer: the line of sequence n is at n % maxLines
  const listeners = new Set<(sequence: number, text: string) => void>()
  let next = 0
  let oldest = 0
  let bytes = 0

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
      for (const listener of listeners) listener(next - 1, line)
    },
    read({ limit, filter, level, after = -1 }) {
      const found: LogLine[] = []
      const wanted = filter?.toLowerCase()
      for (let sequence = next - 1; sequence >= oldest && sequence > after && found.length < limit; sequence--) {
        const line = lines[sequence % maxLines]!
        if (level && !line.startsWith(`{"level":"${level}"`)) continue
        if (wanted && !line.toLowerCase().includes(wanted)) continue
        found.push(JSON.parse(numbered(sequence, line)))
      }
      return found
    },
    span: () => ({ oldest, next }),
    text: (sequence) => (sequence >= oldest && sequence < next ? lines[sequence % maxLines] : undefined),
    follow(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The line's JSON, with its sequence in front, and the replica that wrote it. */
export const numbered = (sequence: number, text: string, replica?: string) =>
  `{"sequence":${sequence},${replica === undefined ? '' : `"replica":"${replica}",`}${text.slice(1)}`
