// The live tail of other replicas, or of all. An event's id is how far each one's lines were sent: who comes back, to whichever replica, goes on there.
import type { EventStreams, Reader } from '../http/event-stream.ts'
import { type Batch, type LogFeed, lostIn } from './log-feed.ts'
import { joined, type ReplicaLine } from './log-fleet.ts'
import { positionIn, positionsText } from './log-positions.ts'
import type { LogQuery } from './log-query.ts'
import { wants } from './log-stream.ts'
import { numbered } from './logs.ts'

const RESUMED = 500 // lines of each replica
const NEWEST = 10 ** 14 // as `before`: of the lines after some position the newest, not the next

/** `replica`: of this one only. `resume`: a Last-Event-ID. */
type Following = { query: LogQuery; replica?: string; resume?: string; holds?: () => boolean }

export function logTail(feed: LogFeed, following: Following, streams: EventStreams): Response {
  return streams.open((reader) => {
    const tail = startTail(reader, following)
    let waiting: Batch[] | undefined = [] // what comes while the missed lines are asked for
    const unfollow = feed.follow((batch) => (waiting ? void waiting.push(batch) : tail.give(batch)))
    void missedLines(feed, following)
      .then(tail.give)
      .catch(() => {}) // the fleet cannot be asked now: the lines that come will tell what is missing
      .then(() => {
        for (const batch of waiting!) tail.give(batch)
        waiting = undefined
      })
    return unfollow
  }, following.holds)
}

function startTail(reader: Reader, { query, replica: only }: Following) {
  const sent = new Map<string, number>() // by replica, the last sequence that the reader knows of
  let skipped = 0
  let fleet = ''

  function send({ replica, sequence, text }: ReplicaLine) {
    if ((only && replica !== only) || sequence <= (sent.get(replica) ?? -1)) return
    sent.set(replica, sequence)
    const wanted = wants(query, text)
    if (wanted === false) return
    const sentOn = wanted && told() && reader.event(numbered(sequence, text, replica), { id: positionsText(sent) })
    if (!sentOn) skipped++
  }

  const told = () => skipped === 0 || (reader.event(String(skipped), { event: 'skipped' }) && (skipped = 0) === 0)

  return {
    give({ since, lines, lost, asked, answered }: Batch) {
      for (const [replica, position] of since) if (!sent.has(replica)) sent.set(replica, position)
      for (const { replica, count } of lost) if (!only || replica === only) skipped += count
      for (const line of lines) send(line)
      told()
      const now = JSON.stringify({ asked, answered })
      if (asked > 0 && now !== fleet && reader.event(now, { event: 'fleet' })) fleet = now
    },
  }
}

/** The newest 500 of each replica since the reader left; as lost counts what lies before them, be it of those wanted or not. */
async function missedLines({ logs }: LogFeed, { query, resume }: Following): Promise<Batch> {
  const own = positionIn(resume, logs.self)
  if (own === undefined) return { since: new Map(), lines: [], lost: [], asked: 0, answered: 0 }
  const { pages } = await logs.all({ ...query, limit: RESUMED, after: resume, before: NEWEST }, own)
  const since = new Map(pages.map(({ replica }) => [replica, positionIn(resume, replica)!]))
  const counted = pages.filter(({ found }) => !query.match || found.length === RESUMED)
  return { since, lines: joined(pages), lost: lostIn(counted, since), asked: 0, answered: 0 }
}
