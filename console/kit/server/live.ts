// The state of the fleet, each second: one stream for the whole console.
import { useCallback, useState } from 'preact/hooks'
import type { Now, OverviewEvent } from '../../../src/monitor/overview/schema.ts'
import { type StreamEvent, useStream } from './stream.ts'

export type { Now } from '../../../src/monitor/overview/schema.ts'
/** `now` is missing if it did not answer; `unanswered` says why. */
export type Replica = OverviewEvent['replicas'][number]
/** What is wrong, and on which replicas. */
export type Problem = OverviewEvent['problems'][number]
/** One second. After a gap, the missed seconds contain only their sample. */
export type Live = Partial<OverviewEvent>
export type Sample = NonNullable<OverviewEvent['sample']>

export const ALL = 'all'

const streamPath = (replica: string) => `/api/overview/stream?replica=${encodeURIComponent(replica)}`

/** The last second of `replica`, or of all. `each` gets every second; `gap` is called if some are missing. Without a replica there is no request. */
export function useLive(replica: string | undefined, each?: (live: Live) => void, gap?: () => void) {
  const [live, setLive] = useState<Live>()
  const events = useCallback(
    (batch: StreamEvent[]) => {
      const read = batch.flatMap((event) => (event.event === 'message' ? [JSON.parse(event.data) as Live] : []))
      for (const one of read) each?.(one)
      if (batch.some((event) => event.event === 'skipped' || event.event === 'gap')) gap?.()
      const last = read.findLast(({ now, replicas }) => now || replicas)
      if (last) setLive(last)
    },
    [each, gap],
  )
  const stream = useStream(replica === undefined ? undefined : streamPath(replica), events)
  return { live, stream }
}

/** The state of each replica; of the answering one if that is all there is. */
export const nows = ({ now, replicas = [] }: Live): { replica: Replica | undefined; now: Now }[] => {
  const each = replicas.flatMap((replica) => (replica.now ? [{ replica, now: replica.now }] : []))
  return each.length > 0 || !now ? each : [{ replica: replicas.find(({ self }) => self), now }]
}
