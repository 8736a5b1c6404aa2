// Lines that the replicas have already, a page at a time, oldest first.
import { call } from '../server/api.ts'
import { logsPath, type View } from './address.ts'
import type { Buffer } from './buffer.ts'
import { isLine, type Line, lineOf } from './line.ts'

/** How many replicas were asked and answered; undefined where only one was meant. */
export type Answered = { asked?: number; answered?: number }
type Answer = Answered & { logs: Record<string, unknown>[] }

const PAGE = 200
const AROUND = 100
const ALL = 'all'
const NOTHING = { text: '', pattern: false }

export function createPast(view: View, replica: string, members: string[], signal: AbortSignal) {
  let atStart = false
  let atEnd = false
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

  return {
    async newest() {
      const { lines, asked, answered } = await ask(replica, { limit: PAGE })
      atStart = lines.length < PAGE
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
      const pages = await Promise.all(
        sources.map(async (of) => (await ask(of, { before: oldestOf(buffer, of), limit: PAGE })).lines),
      )
      // A full page may go on before its first line: what others have from before that waits for the next time.
      const full = pages.filter((lines) => lines.length === PAGE)
      const from = Math.max(...full.map((lines) => lines[0]!.at))
      atStart = full.length === 0
      const lines = pages.flat()
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
