// Puts the resolver together with the second tier that is set, and the change feed that keeps both in step.
import { type Config, ConfigError } from '../config.ts'
import type { OpenDatabase } from '../database/connect.ts'
import type { Log } from '../telemetry/logs.ts'
import { followChanges } from './changes.ts'
import { openEdgeTier } from './edge-tier.ts'
import { createResolver } from './resolver.ts'
import { openSharedCache } from './shared-cache.ts'

/** Opens caches in the slot's `folder` and begins to follow changes. Throws ConfigError for a tier that is not set up. */
export async function openResolver(config: Config, database: OpenDatabase, folder: string, log: Log) {
  if (config.SECOND_TIER === 'valkey' && !config.REDIS_URL) throw new ConfigError('SECOND_TIER=valkey needs REDIS_URL')
  const { address } = database
  const edge =
    config.SECOND_TIER === 'edge'
      ? openEdgeTier({ folder, address, database, maxAge: config.EDGE_MAX_AGE * 1000, log })
      : undefined
  const shared = config.SECOND_TIER === 'valkey' ? await openSharedCache({ url: config.REDIS_URL!, database, log }) : undefined
  const { resolver, follower, attach, stop } = createResolver({
    database,
    edge,
    shared,
    maxEntries: config.CACHE_ENTRIES,
    maxBytes: config.CACHE_BYTES,
    maxStaleness: config.MAX_STALENESS * 1000,
    staleLimit: config.STALE_LIMIT === undefined ? undefined : config.STALE_LIMIT * 1000,
    log,
  })
  const changes = followChanges({ database, address, follower, log })
  attach(changes)
  return {
    resolver,
    changes,
    edge,
    async stop() {
      await changes.stop()
      stop()
    },
  }
}
