// Assembles the redirect: the configured second tier, the resolver in front of it, and the change feed that updates both.
import type { Limits } from '../access/limits/limits.ts'
import type { OnStop } from '../base/on-stop.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { OpenDatabase } from '../database/open.ts'
import type { Peers } from '../http/client-address.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createAllowance } from './allowance.ts'
import { followChanges } from './changes.ts'
import { type EdgeTier, openEdgeTier } from './edge-tier.ts'
import { refuseEmptied } from './emptied.ts'
import { redirectFigures } from './figures.ts'
import { leaseStore } from './lease-store.ts'
import { createResolver } from './resolver.ts'
import { createRedirect } from './route.ts'
import { openSharedCache } from './shared-cache.ts'

type EdgeParts = { config: Config; database: OpenDatabase; folder: string; log: Log; onStop: OnStop }

/**
 * Opens the edge copy in the slot's `folder` if SECOND_TIER is `edge`. From then on an empty database is refused if the copy knows links.
 */
export function openEdge({ config, database, folder, log, onStop }: EdgeParts): EdgeTier | undefined {
  if (config.SECOND_TIER !== 'edge') return undefined
  const anyCase = config.CODES === 'insensitive'
  const edge = openEdgeTier({ folder, database, maxAge: config.EDGE_MAX_AGE * 1000, anyCase, log })
  onStop('close the edge copy', edge.close)
  database.accept(refuseEmptied(folder, edge.knowsLinks))
  return edge
}

type Parts = {
  config: Config
  database: OpenDatabase
  edge: EdgeTier | undefined
  clicks: Recorder
  limits: Limits
  /** `seen` is called at each poll with the version of the policy in the database. */
  policy: { seen: (identity: string, version: number) => void; attach: (changes: ReturnType<typeof followChanges>) => void }
  blocklist: { blocksTarget: (location: string) => boolean; onChange: (listener: () => void) => void }
  metrics: Metrics
  peers: Peers
  log: Log
  onStop: OnStop
  /** ms that a redirect waits for the database; default VISITORS_WAIT. */
  visitorsWait?: number
}

export type OpenRedirect = Awaited<ReturnType<typeof openRedirect>>

/** Opens the redirect and starts to follow changes. Throws ConfigError if the second tier is not configured. */
export async function openRedirect(parts: Parts) {
  const { config, database, edge, clicks, limits, policy, blocklist, metrics, peers, log, onStop } = parts
  const shared = config.SECOND_TIER === 'valkey' ? await openShared(config, database, log) : undefined
  const { resolver, follower, attach, stop } = createResolver({
    database,
    edge,
    shared,
    maxEntries: config.CACHE_ENTRIES,
    maxBytes: config.CACHE_BYTES,
    blocks: blocklist.blocksTarget,
    maxStaleness: config.MAX_STALENESS * 1000,
    staleLimit: config.STALE_LIMIT === undefined ? undefined : config.STALE_LIMIT * 1000,
    visitorsWait: parts.visitorsWait,
    anyCase: config.CODES === 'insensitive',
    log,
  })
  const changes = followChanges({ database, follower, policySeen: policy.seen, log })
  attach(changes)
  policy.attach(changes)
  blocklist.onChange(resolver.recheckAll)
  onStop('stop following changes', async () => {
    await changes.stop()
    stop()
    shared?.close()
  })
  const figures = redirectFigures(metrics)
  const allowance = createAllowance({
    database,
    store: leaseStore(database, clicks.journalId, database.address.kind === 'embedded'),
    changed: changes.announce,
    log,
  })
  onStop('return leases of max_clicks', allowance.stop)
  return {
    resolver,
    changes,
    shared,
    figures,
    ...createRedirect({ resolver, clicks, allowance, config, figures, limits, peers }),
  }
}

function openShared({ REDIS_URL: url, CODES }: Config, database: OpenDatabase, log: Log) {
  if (!url) throw new ConfigError('SECOND_TIER=valkey needs REDIS_URL')
  return openSharedCache({ url, database, anyCase: CODES === 'insensitive', log })
}
