// The live tail of another replica, or of all. The id of an event contains the positions of all replicas, so a client can reconnect to
// any of them.
import type { Start, StreamReader } from '../http/event-stream.ts'
import { numbered } from '../telemetry/logs.ts'
import { type LogBatch, type LogFeed, lostIn } from './feed.ts'
import { joined, type ReplicaLine } from './fleet.ts'
import { positionIn, positionsText } from './positions.ts'
import type { LogQuery } from './query.ts'
import { matches } from './stream.ts'

const RESUMED = 500 // lines per replica
const NEWEST = 10 ** 14 // as `before`: the newest of the lines after a position, not the next ones

/** `replica`: only this one. `resume`: a Last-Event-ID. */
type Following = { query: LogQuery; replica?: string; resume?: string }

export function logTail(feed: LogFeed, following: Following): Start {
  return (reader) => {
    const tail = startTail(reader, following)
    let waiting: LogBatch[] | undefined = [] // batches that arrive while the missed lines are read
    const unfollow = feed.follow((batch) => (waiting ? void waiting.push(batch) : tail.give(batch)))
    void missedLines(feed, following)
      .then(tail.give)
      .catch(() => {}) // the fleet is unreachable: the next batches report what was lost
      .then(() => {
        for (const batch of waiting!) tail.give(batch)
        waiting = undefined
      })
    return unfollow
  }
}

function startTail(reader: StreamReader, { query, replica: only }: Following) {
  const sent = new Map<string, number>() // by replica, the last sequence that was sent or skipped
  let skipped = 0
  let fleet = ''

  function send({ replica, sequence, text }: ReplicaLine) {
    if ((only && replica !== only) || sequence <= (sent.get(replica) ?? -1)) return
    sent.set(replica, sequence)
    const matched = matches(query, text)
    if (matched === false) return
    const sentOn = matched && reportSkipped() && reader.event(numbered(sequence, text, replica), { id: positionsText(sent) })
    if (!sentOn) skipped++
  }

  const reportSkipped = () => skipped === 0 || (reader.event(String(skipped), { event: 'skipped' }) && (skipped = 0) === 0)

  return {
    give({ since, lines, lost, asked, answered }: LogBatch) {
      for (const [replica, position] of since) if (!sent.has(replica)) sent.set(replica, position)
      for (const { replica, count } of lost) if (!only || replica === only) skipped += count
      for (const line of lines) send(line)
      reportSkipped()
      const now = JSON.stringify({ asked, answered })
      if (asked > 0 && now !== fleet && reader.event(now, { event: 'fleet' })) fleet = now
    },
  }
}

/** The newest 500 lines of each replica since the reader disconnected; older ones count as lost, whether they match or not. */
async function missedLines({ logs }: LogFeed, { query, resume }: Following): Promise<LogBatch> {
  const own = positionIn(resume, logs.self)
  if (own === undefined) return { since: new Map(), lines: [], lost: [], asked: 0, answered: 0 }
  const { pages } = await logs.all({ ...query, limit: RESUMED, after: resume, before: NEWEST }, own)
  const since = new Map(pages.map(({ replica }) => [replica, positionIn(resume, replica)!]))
  const counted = pages.filter(({ found }) => !query.match || found.length === RESUMED)
  return { since, lines: joined(pages), lost: lostIn(counted, since), asked: 0, answered: 0 }
}
