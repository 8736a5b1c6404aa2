// The overview each second: what is said is made once for all who follow the same replicas, and who comes back goes on where it was cut.
import type { Fleetwide } from '../fleet/ask.ts'
import type { EventStreams, Reader } from '../http/event-stream.ts'
import { Problem } from '../http/problem.ts'
import type { Log } from '../telemetry/logs.ts'
import { join, type Point, pointsOf } from './chart.ts'
import type { Gathered, Gatherer, Of } from './gather.ts'
import type { Sampler } from './sampler.ts'
import type { OverviewEvent } from './schema.ts'

const RESUMED = 300 // seconds that one who comes back is told, 100 KB; of more, how many they were
const LATE = 1 // seconds that the samples of other replicas have, so that clocks may differ by as much
const KEPT = 10

type Follower = { reader: Reader; at: number; skipped: number }
type Said = { second: number; text: string }
type Parts = { sampler: Sampler; gathering: Gatherer; fleet: Fleetwide; streams: EventStreams; log: Log }

export type OverviewStream = ReturnType<typeof overviewStream>

export function overviewStream({ sampler, gathering, fleet, streams, log }: Parts) {
  const feeds = new Map<Of, ReturnType<typeof openFeed>>()
  const stop = sampler.follow((second) => {
    for (const feed of feeds.values()) void feed.tick(second)
  })

  function openFeed(of: Of) {
    const followers = new Set<Follower>()
    const late = of === undefined ? 0 : LATE
    let readers = 0
    let said: Said[] = []
    let next = 0 // the first second that was not said
    let busy = false

    /** `second` is over. */
    async function tick(second: number) {
      if (busy) return
      busy = true
      try {
        if (of === undefined) void fleet.list() // looks for the others where the database does not tell
        const to = second + 1 - late
        say(await gathering.gather(of, { from: Math.min(to, Math.max(next, to - KEPT)), to, step: 1 }))
        next = to
      } catch (error) {
        if (!(error instanceof Problem)) log.error({ err: error }, 'the overview could not be told')
        const reason = error instanceof Problem ? error.message : 'something went wrong on our side'
        for (const { reader } of followers) reader.event(JSON.stringify({ error: reason }), { event: 'unanswered' })
      }
      busy = false
    }

    function say(gathered: Gathered) {
      const rest = gathering.describe(of, gathered)
      const points: (Point | null)[] = pointsOf(join(gathered.parts.map(({ table }) => table)))
      const fresh = (points.length > 0 ? points : [null]).map((sample) => ({
        second: sample?.time ?? -1,
        text: JSON.stringify({ ...rest, sample } satisfies OverviewEvent),
      }))
      said = [...said, ...fresh.filter(({ second }) => second >= 0)].slice(-KEPT)
      for (const follower of followers) for (const one of fresh) tell(follower, one)
    }

    function tell(follower: Follower, { second, text }: Said) {
      const { reader, at } = follower
      if (second < 0) return void (follower.skipped === 0 && reader.event(text))
      if (second <= at) return
      follower.at = second
      if (follower.skipped > 0 && reader.event(String(follower.skipped), { event: 'skipped' })) follower.skipped = 0
      if (follower.skipped > 0 || !reader.event(text, { id: second })) follower.skipped++
    }

    /** What was missed, up to what is still at hand: samples alone. Some are gathered twice, and told once. */
    async function resume(follower: Follower) {
      const to = said.at(-3)?.second ?? Math.floor(Date.now() / 1000) - late
      const from = Math.max(follower.at + 1, to - RESUMED)
      follower.skipped = Math.max(0, from - follower.at - 1)
      if (from >= to) return
      const { parts } = await gathering.gather(of, { from, to, step: 1 })
      for (const sample of pointsOf(join(parts.map(({ table }) => table))))
        tell(follower, { second: sample.time, text: JSON.stringify({ sample }) })
    }

    return {
      tick,
      readers: () => readers,
      /** Begins to tell; `last` is the second that the reader saw last. Returns what ends it. */
      follow(reader: Reader, last: number | undefined): () => void {
        const newest = said.at(-1)?.second ?? Math.floor(Date.now() / 1000) - 1 - late
        const follower: Follower = { reader, at: last ?? newest - 1, skipped: 0 }
        let left = false
        readers++
        const begin = () => {
          if (left) return
          for (const one of said) tell(follower, one)
          followers.add(follower)
        }
        if (last === undefined) begin()
        else resume(follower).then(begin, begin) // where what was missed is not to be had, what comes still is
        return () => {
          if (!left) readers--
          left = true
          followers.delete(follower)
        }
      },
    }
  }

  return {
    /** A stream of events about the replicas `of`. */
    open(of: Of, lastEventId: string | null, holds: (() => boolean) | undefined): Response {
      const last = /^\d{1,10}$/.test(lastEventId ?? '') ? Number(lastEventId) : undefined
      const seen = last !== undefined && last <= Date.now() / 1000 ? last : undefined
      return streams.open((reader) => {
        const feed = feeds.get(of) ?? openFeed(of)
        feeds.set(of, feed)
        const leave = feed.follow(reader, seen)
        return () => {
          leave()
          if (feed.readers() === 0) feeds.delete(of)
        }
      }, holds)
    },
    stop,
  }
}
