// Collects the new log lines of every replica once a second while anyone follows them; all followers share one query.
import { type FleetLogs, type Gathered, joined, PAGE, type ReplicaLine } from './fleet.ts'
import { positionsText } from './positions.ts'

/** The lines of one second, after the positions `since`. `lost`: lines that a replica no longer had. */
export type LogBatch = {
  since: ReadonlyMap<string, number>
  lines: ReplicaLine[]
  lost: { replica: string; count: number }[]
  asked: number
  answered: number
}

export type LogFeed = ReturnType<typeof logFeed>

const EVERY = 1_000
const UNFILTERED = { filters: {}, costly: false }

export function logFeed(logs: FleetLogs) {
  const followers = new Set<(batch: LogBatch) => void>()
  const positions = new Map<string, number>() // by replica, the last sequence that was collected
  let running = false

  async function run() {
    running = true
    positions.clear()
    try {
      for (let begun = false; followers.size > 0; ) {
        const started = performance.now()
        const batch: LogBatch | undefined = await (begun ? gather() : begin()).catch(() => undefined) // if the fleet is too busy, try again in a second
        begun ||= batch !== undefined
        if (batch) for (const follower of followers) follower(batch)
        await Bun.sleep(Math.max(0, EVERY - (performance.now() - started)))
      }
    } finally {
      running = false
    }
  }

  /** Finds the current end of each log. */
  async function begin(): Promise<LogBatch> {
    const { pages, asked, answered } = await logs.all({ ...UNFILTERED, limit: 1 }, undefined)
    for (const { replica, found } of pages) positions.set(replica, found[0]?.[0] ?? -1)
    return { since: new Map(positions), lines: [], lost: [], asked, answered }
  }

  async function gather(): Promise<LogBatch> {
    const { pages, asked, answered } = await ask()
    const since = new Map(positions)
    for (const { replica, found } of pages) if (found[0]) positions.set(replica, found[0][0])
    return { since, lines: joined(pages), lost: lostIn(pages, since), asked, answered }
  }

  const ask = () => logs.all({ ...UNFILTERED, after: positionsText(positions), limit: PAGE }, positions.get(logs.self) ?? -1)

  return {
    logs,
    /** Calls `follower` with each batch; returns a function that stops it. */
    follow(follower: (batch: LogBatch) => void) {
      followers.add(follower)
      if (!running) void run()
      return () => void followers.delete(follower)
    },
  }
}

/** The number of lines missing between a replica's position and the oldest line that it still has. */
export const lostIn = (pages: Gathered['pages'], positions: ReadonlyMap<string, number>) =>
  pages.flatMap(({ replica, found }) => {
    const after = positions.get(replica)
    const count = after === undefined || found.length === 0 ? 0 : found.at(-1)![0] - after - 1
    return count > 0 ? [{ replica, count }] : []
  })
