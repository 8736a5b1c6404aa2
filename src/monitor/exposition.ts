// Exposes the figures of the server's parts as metrics.

import { version } from '../base/version.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Clock } from '../fleet/clock.ts'
import type { Members } from '../fleet/members.ts'
import type { Changes } from '../redirect/changes.ts'
import type { EdgeTier } from '../redirect/edge-tier.ts'
import type { RedirectFigures } from '../redirect/figures.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { SharedCache } from '../redirect/shared-cache.ts'
import { type Descriptors, exposeDescriptors } from '../telemetry/descriptors.ts'
import type { Disk } from '../telemetry/disk.ts'
import { droppedLines } from '../telemetry/logs.ts'
import { exposeMachine } from '../telemetry/machine.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Lifecycle } from './lifecycle.ts'

type Parts = {
  database: Database
  clicks: Recorder
  resolver: Resolver
  changes: Changes
  edge: EdgeTier | undefined
  shared: SharedCache | undefined
  valkeyAway: () => number
  clock: Clock
  members: Pick<Members, 'beatTook' | 'missed'>
  lifecycle: Lifecycle
  disk: Disk
  descriptors: Descriptors
  /** Why the database refuses changes although it is up. */
  refused: () => string | undefined
}

export function exposeServer(metrics: Metrics, parts: Parts) {
  const { database, clicks, resolver, changes, edge, shared, valkeyAway, clock, members, lifecycle, disk, descriptors, refused } =
    parts
  const { expose } = metrics
  const one = (value: number) => [{ value }]
  exposeMachine(metrics)
  exposeDescriptors(metrics, descriptors.figures)
  expose('build_info', 'gauge', 'Always 1; the labels contain version and commit.', () => [
    { labels: { version: version.number, commit: version.commit }, value: 1 },
  ])
  expose('log_lines_dropped_total', 'counter', 'Log lines dropped because standard output was not read.', () =>
    one(droppedLines()),
  )
  expose('ready', 'gauge', '1 while the server accepts requests.', () => one(lifecycle.phase() === 'ready' ? 1 : 0))

  expose('database_up', 'gauge', '1 while the database answers.', () => one(database.state() === 'up' ? 1 : 0))
  expose(
    'database_refuses',
    'gauge',
    '1 while the database answers but refuses changes, for example because its disk is full.',
    () => one(database.state() === 'up' && refused() !== undefined ? 1 : 0),
  )
  expose('database_pending', 'gauge', 'Queries in flight or waiting.', () => one(database.figures().pending))
  expose('database_pending_limit', 'gauge', 'Maximum of pending queries; further ones are refused.', () =>
    one(database.figures().limit),
  )
  expose('database_queries_total', 'counter', 'Queries answered.', () => one(database.figures().queries))
  expose('database_query_seconds_total', 'counter', 'Time spent waiting for answers to queries.', () =>
    one(database.figures().seconds),
  )
  expose('database_failures_total', 'counter', 'Queries without an answer, by reason.', () => {
    const { refused, late, lost } = database.figures()
    return Object.entries({ refused, late, lost }).map(([reason, value]) => ({ labels: { reason }, value }))
  })

  expose('database_moves_total', 'counter', 'Times that another server became the primary.', () => one(database.figures().moves))

  expose('database_renewals_total', 'counter', 'Times that all connections were replaced because one did not answer.', () =>
    one(database.figures().renewals),
  )
  expose(
    'database_beat_seconds',
    'gauge',
    'Duration of a small change, in flight or done: the fastest of the last three; 0 if none is made.',
    () => one(Math.round(members.beatTook()) / 1000),
  )
  expose('replicas_missed', 'gauge', 'Replicas that stopped unexpectedly and were not replaced within 10 seconds.', () =>
    one(members.missed()),
  )
  expose('clock_offset_seconds', 'gauge', 'How far this machine’s clock is ahead of the database’s; negative if behind.', () =>
    one(Math.round(clock.offset() * 1000) / 1000),
  )

  expose('clicks_backlog', 'gauge', 'Clicks recorded but not yet stored.', () => one(clicks.figures().backlog))
  expose('clicks_recorded_total', 'counter', 'Clicks written to the journal.', () => one(clicks.figures().recorded))
  expose('clicks_stored_total', 'counter', 'Clicks stored, by the journal that they came from.', () => {
    const { stored, adopted } = clicks.figures()
    return [
      { labels: { journal: 'own' }, value: stored },
      { labels: { journal: 'adopted' }, value: adopted },
    ]
  })
  expose('clicks_dropped_total', 'counter', 'Clicks lost because the journal had no room.', () => one(clicks.figures().dropped))
  expose('clicks_left_out_total', 'counter', 'Clicks not stored because their link was purged.', () =>
    one(clicks.figures().leftOut),
  )
  expose('clicks_rejected_total', 'counter', 'Clicks that the database refused; they are in click_rejects.', () =>
    one(clicks.figures().rejected),
  )
  expose('clicks_drain_restarts_total', 'counter', 'Restarts of the drain worker.', () => one(clicks.figures().restarts))
  expose('clicks_journal_full', 'gauge', '1 while no further segment of the journal can be created.', () =>
    one(clicks.figures().noRoom ? 1 : 0),
  )
  expose('clicks_journal_skipped', 'gauge', 'Journal files that cannot be read completely; they are kept.', () =>
    one(clicks.figures().unread),
  )
  expose('clicks_oldest_seconds', 'gauge', 'Age of the oldest click that is not stored.', () => {
    const { oldest } = clicks.figures()
    return one(oldest === undefined ? 0 : (Date.now() - oldest) / 1000)
  })
  expose('clicks_last_flush_seconds', 'gauge', 'Time since clicks were last stored.', () =>
    one((Date.now() - clicks.figures().lastFlush) / 1000),
  )

  expose('cache_entries', 'gauge', 'Codes in the memory cache.', () => one(resolver.figures().memory.entries))
  expose('cache_bytes', 'gauge', 'Approximate size of the memory cache.', () => one(resolver.figures().memory.bytes))
  expose('cache_absent_entries', 'gauge', 'Codes remembered for a second as unknown.', () => one(resolver.figures().absent))
  expose('cache_lookups_total', 'counter', 'Look-ups of a code, by the tier that answered.', () =>
    Object.entries(resolver.figures().lookups).map(([tier, value]) => ({ labels: { tier }, value })),
  )
  expose('targets_refused_total', 'counter', 'Links found whose target is not an http or https address; they get 404.', () =>
    one(resolver.figures().refused),
  )
  expose(
    'cache_mode',
    'gauge',
    '1 for the current mode of the caches: serve, ask (they lag, the database is queried), refuse, or hide (by /chaos).',
    () =>
      ['serve', 'ask', 'refuse', 'hide'].map((mode) => ({ labels: { mode }, value: resolver.figures().mode === mode ? 1 : 0 })),
  )

  expose('changes_lag_seconds', 'gauge', 'Time since the changes of other replicas were last read.', () =>
    one((Date.now() - (changes.figures().lastPoll || lifecycle.started)) / 1000),
  )
  expose('changes_applied_total', 'counter', 'Changed links read from the feed.', () => one(changes.figures().applied))
  expose(
    'changes_found_total',
    'counter',
    'Changes to existing links, by how they were found: by an announcement (notice) or only by the poll.',
    () => Object.entries(changes.figures().found).map(([by, value]) => ({ labels: { by }, value })),
  )
  expose('changes_failed_total', 'counter', 'Failed reads of the change feed.', () => one(changes.figures().failed))
  expose('disk_free_bytes', 'gauge', 'Free space in DATA_DIR.', () => one(disk.figures().free))
  expose('disk_total_bytes', 'gauge', 'Size of the file system of DATA_DIR.', () => one(disk.figures().total))
  expose('disk_short_bytes', 'gauge', 'Bytes short of DISK_FREE_MIN; 0 while enough is free.', () => one(disk.figures().short))
  expose(
    'valkey_away_seconds',
    'gauge',
    'Time since the last answer of Valkey (REDIS_URL); 0 while it answers, or if it is not used.',
    () => one(Math.round(valkeyAway()) / 1000),
  )
  if (shared) expose('shared_cache_up', 'gauge', '1 while the shared cache answers.', () => one(shared.figures().up ? 1 : 0))
  if (edge) {
    expose('edge_links', 'gauge', 'Links in the edge copy when it was built.', () => one(edge.figures().links))
    expose('edge_copy_usable', 'gauge', '1 while redirects use the edge copy.', () => one(edge.usable() ? 1 : 0))
    expose('edge_copy_age_seconds', 'gauge', 'Time since the edge copy was last known to match the database.', () => {
      const { position } = edge.figures() // saved every 10 s even if nothing changes
      const { lastPoll } = changes.figures()
      const known = Math.max(position?.at ?? lifecycle.started, lastPoll)
      return one((Date.now() - known) / 1000)
    })
    expose('edge_build_seconds', 'gauge', 'Duration of the last build of the edge copy.', () =>
      one(edge.figures().builtIn / 1000),
    )
  }
}

let cpuBefore = { at: performance.now(), usage: process.cpuUsage() }

/** The most important figures: cpu in percent of one core since the last call, memory in bytes, requests since the start. */
export function summarize(metrics: Metrics, redirects: RedirectFigures, started: number) {
  const now = performance.now()
  const usage = process.cpuUsage(cpuBefore.usage)
  const percent = (usage.user + usage.system) / 10 / Math.max(1, now - cpuBefore.at)
  cpuBefore = { at: now, usage: process.cpuUsage() }
  const { rss, heapUsed } = process.memoryUsage()
  const { count, errors, seconds, by_status } = metrics.requests()
  return {
    uptime_seconds: Math.floor((Date.now() - started) / 1000),
    cpu: { percent: Math.round(percent * 10) / 10 },
    memory: { rss_bytes: rss, heap_used_bytes: heapUsed },
    requests: { total: count, errors, by_status, mean_seconds: count ? seconds / count : 0 },
    redirects: redirects.results,
  }
}
