// The overview as an event stream. Each second is gathered once for all followers of the same replicas; a client that reconnects
// continues where it stopped.

import { Problem } from '../../base/problem.ts'
import type { Fleetwide } from '../../fleet/ask.ts'
import type { Of } from '../../fleet/choice.ts'
import type { Start, StreamReader } from '../../http/event-stream.ts'
import type { Log } from '../../telemetry/logs.ts'
import { join, type Point, pointsOf } from './chart.ts'
import type { Gathered, Gatherer } from './gather.ts'
import type { Sampler } from './sampler.ts'
import type { OverviewEvent } from './schema.ts'

const RESUMED = 300 // seconds sent after a reconnection, 100 KB; further ones are counted as skipped
const LATE = 1 // seconds to wait for the samples of other replicas, whose clocks may differ by this much
const KEPT = 10

type Follower = { reader: StreamReader; at: number; skipped: number }
type Message = { second: number; text: string }
type Parts = { sampler: Sampler; gathering: Gatherer; fleet: Fleetwide; log: Log }

export type OverviewStream = ReturnType<typeof overviewStream>

export function overviewStream({ sampler, gathering, fleet, log }: Parts) {
  const feeds = new Map<Of, ReturnType<typeof openFeed>>()
  const stop = sampler.follow((second) => {
    for (const feed of feeds.values()) void feed.tick(second)
  })

  function openFeed(of: Of) {
    const followers = new Set<Follower>()
    const late = of === undefined ? 0 : LATE
    let readers = 0
    let recent: Message[] = []
    let next = 0 // the first second that was not sent
    let busy = false

    /** Called when `second` is over. */
    async function tick(second: number) {
      if (busy) return
      busy = true
      try {
        if (of === undefined) void fleet.list() // finds other replicas even without the database
        const to = second + 1 - late
        publish(await gathering.gather(of, { from: Math.min(to, Math.max(next, to - KEPT)), to, step: 1 }))
        next = to
      } catch (error) {
        if (!(error instanceof Problem)) log.error({ err: error }, 'cannot send the overview')
        const reason = error instanceof Problem ? error.message : 'internal error'
        for (const { reader } of followers) reader.event(JSON.stringify({ error: reason }), { event: 'unanswered' })
      }
      busy = false
    }

    function publish(gathered: Gathered) {
      const rest = gathering.describe(of, gathered)
      const points: (Point | null)[] = pointsOf(join(gathered.tables))
      const fresh = (points.length > 0 ? points : [null]).map((sample) => ({
        second: sample?.time ?? -1,
        text: JSON.stringify({ ...rest, sample } satisfies OverviewEvent),
      }))
      recent = [...recent, ...fresh.filter(({ second }) => second >= 0)].slice(-KEPT)
      for (const follower of followers) for (const one of fresh) send(follower, one)
    }

    function send(follower: Follower, { second, text }: Message) {
      const { reader, at } = follower
      if (second < 0) return void (follower.skipped === 0 && reader.event(text))
      if (second <= at) return
      follower.at = second
      if (follower.skipped > 0 && reader.event(String(follower.skipped), { event: 'skipped' })) follower.skipped = 0
      if (follower.skipped > 0 || !reader.event(text, { id: second })) follower.skipped++
    }

    /** Sends the missed seconds (samples only), up to the recent ones in memory. Some are gathered twice but sent once. */
    async function resume(follower: Follower) {
      const to = recent.at(-3)?.second ?? Math.floor(Date.now() / 1000) - late
      const from = Math.max(follower.at + 1, to - RESUMED)
      follower.skipped = Math.max(0, from - follower.at - 1)
      if (from >= to) return
      const { tables } = await gathering.gather(of, { from, to, step: 1 })
      for (const sample of pointsOf(join(tables))) send(follower, { second: sample.time, text: JSON.stringify({ sample }) })
    }

    return {
      tick,
      readers: () => readers,
      /** Starts to send; `last` is the last second that the reader received. Returns a function that stops it. */
      follow(reader: StreamReader, last: number | undefined): () => void {
        const newest = recent.at(-1)?.second ?? Math.floor(Date.now() / 1000) - 1 - late
        const follower: Follower = { reader, at: last ?? newest - 1, skipped: 0 }
        let stopped = false
        readers++
        const begin = () => {
          if (stopped) return
          for (const one of recent) send(follower, one)
          followers.add(follower)
        }
        if (last === undefined) begin()
        else resume(follower).then(begin, begin) // if the missed seconds are unavailable, continue with new ones
        return () => {
          if (!stopped) readers--
          stopped = true
          followers.delete(follower)
        }
      },
    }
  }

  return {
    /** Follows the replicas `of`, starting after the second `lastEventId`. */
    follow(of: Of, lastEventId: string | undefined): Start {
      const last = /^\d{1,10}$/.test(lastEventId ?? '') ? Number(lastEventId) : undefined
      const seen = last !== undefined && last <= Date.now() / 1000 ? last : undefined
      return (reader) => {
        const feed = feeds.get(of) ?? openFeed(of)
        feeds.set(of, feed)
        const leave = feed.follow(reader, seen)
        return () => {
          leave()
          if (feed.readers() === 0) feeds.delete(of)
        }
      }
    },
    stop,
  }
}
