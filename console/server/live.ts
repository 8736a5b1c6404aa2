// What the fleet says of itself each second: one stream for the whole console, whoever listens.
import { useCallback, useState } from 'preact/hooks'
import { type StreamEvent, useStream } from './stream.ts'

export type ReplicaState = 'ready' | 'degraded' | 'starting' | 'draining' | 'stopped' | 'lost'

export type Now = {
  database: { state: 'up' | 'away'; since: string; latency_ms: number | null }
  clicks: {
    backlog: number
    oldest_age_s: number
    last_flush: string | null
    stored: number
    dropped: number
    rejected: number
    no_room: string | boolean | null
  }
  /** `used` of the limit: what the container takes where it has one. */
  memory: { rss: number; used?: number; limit: number | null }
  uptime: number
  phase: string
  mode: string
  faults: { fault: string; until: string }[]
  alerts: { name: string; since: string }[]
  troubles: string[]
}

export type Replica = {
  id: string
  slot: number
  hostname: string
  /** Where the others reach it. */
  url: string | null
  version: string
  started_at: string
  seen_at: string
  state: ReplicaState
  /** Requests a second. */
  rate: number
  self?: boolean
  /** How it is; missing where it did not answer. */
  now?: Now
  /** Why it was asked in vain. */
  unanswered?: string
}

/** Of one second; `sample` is one column of the overview's samples. After a gap the seconds missed come with nothing but their sample. */
export type Live = { sample?: Sample | null; now?: Now; replicas?: Replica[]; asked?: number; answered?: number }
export type Sample = { time: number; [series: string]: unknown }

export const ALL = 'all'

const pathOf = (replica: string) => `/api/overview/stream?replica=${encodeURIComponent(replica)}`

/** The last second of `replica`, or of all; `each` sees every one of them, `gap` that some are missing. Nothing is asked without a replica. */
export function useLive(replica: string | undefined, each?: (live: Live) => void, gap?: () => void) {
  const [live, setLive] = useState<Live>()
  const events = useCallback(
    (batch: StreamEvent[]) => {
      const read = batch.flatMap((event) => (event.event === 'message' ? [JSON.parse(event.data) as Live] : []))
      for (const one of read) each?.(one)
      if (batch.some((event) => event.event === 'skipped')) gap?.()
      const last = read.findLast(({ now, replicas }) => now || replicas)
      if (last) setLive(last)
    },
    [each, gap],
  )
  const stream = useStream(replica === undefined ? undefined : pathOf(replica), events)
  return { live, stream }
}

/** Each replica's own state of things, by the one who answers where it is alone. */
export const nows = ({ now, replicas = [] }: Live): { replica: Replica | undefined; now: Now }[] => {
  const each = replicas.flatMap((replica) => (replica.now ? [{ replica, now: replica.now }] : []))
  return each.length > 0 || !now ? each : [{ replica: replicas.find(({ self }) => self), now }]
}
