// Existing lines of the replicas, a page at a time, oldest first.
import type { Lines } from '../../src/logs/schema.ts'
import { call } from '../kit/server/api.ts'
import { logsPath, type View } from './address.ts'
import type { Buffer } from './buffer.ts'
import { isLine, type Line, lineOf } from './line.ts'

/** How many replicas were asked, and responded; undefined if only one was asked. */
export type Answered = Pick<Lines, 'asked' | 'answered'>

const PAGE = 200
const AROUND = 100
const TRIES = 5 // for an expensive pattern, each 300 ms of the server's time
const ALL = 'all'
const NOTHING = { text: '', pattern: false }

export function createPast(view: View, replica: string, members: string[], signal: AbortSignal) {
  let atStart = false
  let atEnd = false
  const lookedTo = new Map<string, number>() // how far back an expensive pattern got
  const whole: View = { ...view, level: '', find: NOTHING, hide: NOTHING, request: '', own: true }
  /** Each replica counts its own lines, so pages are loaded per replica. */
  const sources = view.around ? [view.around.replace(/:?\d+$/, '')] : replica === ALL ? members : [replica]

  async function ask(of: string, place: { before?: number; after?: number; limit: number }) {
    const numbers = Object.fromEntries(
      Object.entries(place).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    )
    const { data } = await call<Lines>('GET', logsPath(view.around ? whole : view, of, numbers), { signal })
    return { ...data, lines: data.logs.map(lineOf).reverse() }
  }

  /** The page before the lines of one replica in the buffer, and whether there may be more. */
  async function before(of: string, buffer: Buffer) {
    for (let tries = 1; ; tries++) {
      const place = lookedTo.get(of) ?? oldestOf(buffer, of)
      const { lines, stopped } = await ask(of, { before: place, limit: PAGE })
      if (lines.length > 0 || typeof stopped !== 'number') {
        lookedTo.delete(of) // the next page continues before these lines
        return { lines, more: lines.length === PAGE || stopped !== undefined }
      }
      lookedTo.set(of, stopped)
      if (tries === TRIES) return { lines, more: true }
    }
  }

  return {
    async newest() {
      const { lines, asked, answered, stopped } = await ask(replica, { limit: PAGE })
      if (typeof stopped === 'number' && lines.length === 0) lookedTo.set(replica, stopped)
      atStart = lines.length < PAGE && stopped === undefined
      return { lines, asked, answered }
    },
    async around({ replica, sequence }: { replica: string; sequence: number }): Promise<{ lines: Line[] } & Answered> {
      const [before, after] = await Promise.all([
        ask(replica, { before: sequence + 1, limit: AROUND }),
        ask(replica, { after: sequence, limit: AROUND }),
      ])
      atStart = before.lines.length < AROUND
      atEnd = after.lines.length < AROUND
      const here = before.lines.at(-1)?.sequence === sequence
      return { lines: here ? [...before.lines, ...after.lines] : [] }
    },
    async older(buffer: Buffer): Promise<Line[]> {
      const pages = await Promise.all(sources.map((of) => before(of, buffer)))
      // A page may be incomplete before its first line: older lines of other replicas wait for the next page.
      const unfinished = pages.filter(({ more }) => more)
      const from = Math.max(...unfinished.flatMap(({ lines }) => (lines[0] ? [lines[0].at] : [])))
      atStart = unfinished.length === 0
      const lines = pages.flatMap((page) => page.lines)
      return pages.length === 1 ? lines : lines.filter(({ at }) => at >= from).sort((a, b) => a.at - b.at)
    },
    async newer(buffer: Buffer): Promise<Line[]> {
      const newest = buffer.at(buffer.end() - 1)
      if (!isLine(newest)) return []
      const { lines } = await ask(sources[0]!, { after: newest.sequence, limit: PAGE })
      atEnd = lines.length < PAGE
      return lines
    },
    atStart: () => atStart,
    atEnd: () => atEnd,
  }
}

/** The lowest line number of a replica in the buffer; undefined if it has no line there. */
function oldestOf(buffer: Buffer, replica: string): number | undefined {
  for (let number = buffer.first(); number < buffer.end(); number++) {
    const entry = buffer.at(number)
    if (isLine(entry) && entry.replica === replica) return entry.sequence
  }
  return undefined
}
