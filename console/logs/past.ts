// Lines that the replicas have already, a page at a time, oldest first.
import { call } from '../server/api.ts'
import { logsPath, type View } from './address.ts'
import type { Buffer } from './buffer.ts'
import { isLine, type Line, lineOf } from './line.ts'

/** How many replicas were asked and answered; undefined where only one was meant. */
export type Answered = { asked?: number; answered?: number }
/** `stopped`: where patterns had taken all the time there is: the sequence, or true where all replicas were asked. */
type Answer = Answered & { logs: Record<string, unknown>[]; stopped?: number | true }

const PAGE = 200
const AROUND = 100
const TRIES = 5 // of a costly pattern, each 300 ms of the server's time
const ALL = 'all'
const NOTHING = { text: '', pattern: false }

export function createPast(view: View, replica: string, members: string[], signal: AbortSignal) {
  let atStart = false
  let atEnd = false
  const lookedTo = new Map<string, number>() // how far back a costly pattern got
  const whole: View = { ...view, level: '', find: NOTHING, hide: NOTHING, request: '', own: true }
  /** Line numbers are of one replica: that of the line in the middle, the one that is shown, or each of all. */
  const sources = view.around ? [view.around.replace(/:?\d+$/, '')] : replica === ALL ? members : [replica]

  async function ask(of: string, place: { before?: number; after?: number; limit: number }) {
    const numbers = Object.fromEntries(
      Object.entries(place).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    )
    const { data } = await call<Answer>('GET', logsPath(view.around ? whole : view, of, numbers), { signal })
    return { ...data, lines: data.logs.map(lineOf).reverse() }
  }

  /** A page from before what the buffer has of one replica, and whether there may be more. */
  async function before(of: string, buffer: Buffer) {
    for (let tries = 1; ; tries++) {
      const place = lookedTo.get(of) ?? oldestOf(buffer, of)
      const { lines, stopped } = await ask(of, { before: place, limit: PAGE })
      if (lines.length > 0 || typeof stopped !== 'number') {
        lookedTo.delete(of) // it goes on before the lines that were taken
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
      // A page that may go on before its first line: what others have from before that waits for the next time.
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

/** The lowest number of a replica that is here; undefined where it has no line here. */
function oldestOf(buffer: Buffer, replica: string): number | undefined {
  for (let number = buffer.first(); number < buffer.end(); number++) {
    const entry = buffer.at(number)
    if (isLine(entry) && entry.replica === replica) return entry.sequence
  }
  return undefined
}
