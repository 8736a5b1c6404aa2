// Puts the resolver together with the second tier that is set, and the change feed that keeps both in step.
import { type Config, ConfigError } from '../config.ts'
import type { OpenDatabase } from '../database/connect.ts'
import type { Log } from '../telemetry/logs.ts'
import { followChanges } from './changes.ts'
import { openEdgeTier } from './edge-tier.ts'
import { createResolver } from './resolver.ts'
import { openSharedCache } from './shared-cache.ts'

/**
 * Opens caches in the slot's `folder` and begins to follow changes. `policySeen` is told at each poll which version of the policy the
 * database has; `blocked` says where no link may lead. Throws ConfigError for a tier that is not set up.
 */
export async function openResolver(
  config: Config,
  database: OpenDatabase,
  folder: string,
  policySeen: (identity: string, version: number) => void,
  blocked: { blocksTarget: (location: string) => boolean; onChange: (listener: () => void) => void },
  log: Log,
) {
  if (config.SECOND_TIER === 'valkey' && !config.REDIS_URL) throw new ConfigError('SECOND_TIER=valkey needs REDIS_URL')
  const edge =
    config.SECOND_TIER === 'edge' ? openEdgeTier({ folder, database, maxAge: config.EDGE_MAX_AGE * 1000, log }) : undefined
  const shared = config.SECOND_TIER === 'valkey' ? await openSharedCache({ url: config.REDIS_URL!, database, log }) : undefined
  const { resolver, follower, attach, stop } = createResolver({
    database,
    edge,
    shared,
    maxEntries: config.CACHE_ENTRIES,
    maxBytes: config.CACHE_BYTES,
    blocks: blocked.blocksTarget,
    maxStaleness: config.MAX_STALENESS * 1000,
    staleLimit: config.STALE_LIMIT === undefined ? undefined : config.STALE_LIMIT * 1000,
    log,
  })
  const changes = followChanges({ database, follower, policySeen, log })
  attach(changes)
  blocked.onChange(resolver.vetAnew)
  return {
    resolver,
    changes,
    edge,
    shared,
    async stop() {
      await changes.stop()
      stop()
    },
  }
}
