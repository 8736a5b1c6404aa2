// The same buckets in Valkey, shared by the replicas. If it is down, the answer is undefined within 50 ms.

import type { Rate } from '../../base/rate.ts'
import type { Config } from '../../config/config.ts'
import { openValkey } from '../../database/valkey.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { BucketState } from './buckets.ts'

// Uses Valkey's clock, because the replicas' differ. A clock that was set back must not lock anyone out, hence the upper bound.
const TAKE = `
  local time = redis.call('time')
  local now, window, cost = time[1] * 1000000 + time[2], tonumber(ARGV[1]), tonumber(ARGV[2])
  local ahead = math.min(math.max((tonumber(redis.call('get', KEYS[1])) or 0) - now, 0), window)
  if ahead + cost > window then return {0, ahead} end
  redis.call('set', KEYS[1], string.format('%.0f', now + ahead + cost), 'px', math.ceil((ahead + cost) / 1000))
  return {1, ahead + cost}`

/** Connects to REDIS_URL. Keys are hashed with a secret: nothing in Valkey reveals an address or a credential. */
export function openSharedBuckets({ REDIS_URL, ADMIN_TOKEN = '' }: Config, log: Log) {
  const valkey = openValkey({
    url: REDIS_URL!,
    log,
    name: 'the Valkey of the rate limits',
    without: 'each replica counts separately',
  })
  const named = (key: string) =>
    `waypost:limit:${new Bun.CryptoHasher('sha256', ADMIN_TOKEN).update(key).digest('base64url').slice(0, 22)}`

  return {
    async take(key: string, { window, cost }: Rate): Promise<BucketState | undefined> {
      const answer = await valkey.ask(
        (client) => client.send('EVAL', [TAKE, '1', named(key), String(window), String(cost)]) as Promise<[number, number]>,
      )
      return answer && { allowed: answer[0] === 1, ahead: answer[1] }
    },
    up: () => valkey.figures().up,
    away: () => valkey.figures().away,
    close: valkey.close,
  }
}
