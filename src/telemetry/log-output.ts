// Writes the log to standard output without ever waiting for its reader. Unread lines stay in memory up to a limit; beyond it they are dropped
// and counted.
import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { waitAtMost } from '../base/time-limit.ts'

const MAX_BYTES = 4 * 1024 * 1024 // some 15,000 lines
const CHUNK = 4_096 // PIPE_BUF: what processes that share a pipe write at once does not mix
const AGAIN_AFTER = 50 // ms, when the reader is slow
const FAILED_AGAIN_AFTER = 1_000 // ms, when the reader is gone (EPIPE) or the disk is full
const AT_EXIT = 200 // ms for what is left when the process ends

export type LogOutput = ReturnType<typeof logOutput>

/** Writes to `descriptor`. `onFlow` gets the number of dropped lines once output flows again. */
export function logOutput(descriptor: number, maxBytes = MAX_BYTES) {
  let target: number | undefined
  const lines: string[] = []
  let bytes = 0
  let chunk: Buffer | undefined // being written
  let chunkLines = 0
  let writing = false
  let dropped = 0
  let reported = 0
  let onFlow = (_dropped: number) => {}
  let emptied = () => {}

  function pump() {
    if (writing) return
    chunk ??= nextChunk()
    if (!chunk) return emptied()
    target ??= reopened(descriptor)
    writing = true
    write(target, chunk, 0, chunk.length, null, (error, written) => {
      writing = false
      if (error) {
        const wait = /^(EAGAIN|EBUSY|EINTR)$/.test(error.code ?? '') ? AGAIN_AFTER : FAILED_AGAIN_AFTER
        setTimeout(pump, wait).unref()
        return
      }
      took(written)
      if (dropped > reported && bytes < maxBytes / 2) {
        const news = dropped - reported
        reported = dropped
        onFlow(news)
      }
      pump()
    })
  }

  function nextChunk(): Buffer | undefined {
    if (lines.length === 0) return undefined
    let size = 0
    let count = 0
    while (count < lines.length && (count === 0 || size + lines[count]!.length <= CHUNK)) size += lines[count++]!.length
    chunkLines = count
    return Buffer.from(lines.slice(0, count).join(''))
  }

  function took(written: number) {
    chunk = written < chunk!.length ? chunk!.subarray(written) : undefined
    if (chunk) return
    for (const line of lines.splice(0, chunkLines)) bytes -= line.length
  }

  return {
    write(line: string) {
      if (bytes + line.length > maxBytes) {
        dropped++
        return
      }
      lines.push(line)
      bytes += line.length
      pump()
    },
    dropped: () => dropped,
    onFlow(listener: (dropped: number) => void) {
      onFlow = listener
    },
    /** Resolves when everything is written, after `ms` at the latest. */
    async flush(ms: number) {
      if (lines.length === 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      emptied = resolve
      await waitAtMost(promise, ms)
      emptied = () => {}
    },
    /** Writes the rest synchronously, for the exit of a command; waits briefly for a pipe or terminal that is not read. */
    atExit() {
      const until = performance.now() + AT_EXIT
      while (!writing && performance.now() < until) {
        chunk ??= nextChunk()
        if (!chunk) return
        try {
          target ??= reopened(descriptor)
          took(writeSync(target, chunk))
        } catch (error) {
          if ((error as { code?: string }).code !== 'EAGAIN') return
          Bun.sleepSync(5)
        }
      }
    },
  }
}

/**
 * The same pipe or terminal, opened again with O_NONBLOCK: on the descriptor itself the flag would affect other processes that share it. If that
 * fails, a blocking write occupies one thread of the pool at most, because there is one write at a time.
 */
function reopened(descriptor: number): number {
  try {
    const kind = fstatSync(descriptor)
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return descriptor
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
    const own = openSync(`/dev/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    if (fstatSync(own).ino === kind.ino) return own
    closeSync(own)
  } catch {
    // for instance another user's pipe
  }
  return descriptor
}
