// The second tier in Valkey (or Redis), for replicas with a tiny disk. While it is unreachable, look-ups miss within 50 ms and never fail.
import type { RedisClient } from 'bun'
import { folded } from '../base/code.ts'
import { within } from '../base/time-limit.ts'
import type { Database } from '../database/guard.ts'
import { type Position, positionNow } from '../database/position.ts'
import { openValkey } from '../database/valkey.ts'
import type { Log } from '../telemetry/logs.ts'
import { type ChangedLink, changedLinks } from './changed-links.ts'
import { rowOf } from './columns.ts'
import type { Target } from './target.ts'

export type SharedCache = {
  get: (code: string) => Promise<Target | undefined>
  /** The only link whose code in lower case is `key`, after `remember`. */
  inAnyCase: (key: string) => Promise<Target | undefined>
  /** Keeps that the link with this code is the only one whose code in lower case is `key`. */
  remember: (key: string, code: string) => void
  apply: (targets: Target[], position?: Position) => Promise<void>
  position: () => Position | undefined
  restart: () => Promise<Position>
  figures: () => { up: boolean; away: number; rebuilt: number; late: number }
  close: () => void
}

const WRITTEN_WITHIN = 1_000
const CATCH_UP_EVERY = 200
const CHUNK = 500
const KEEP_SECONDS = 86_400

// Every replica that follows the feed writes the values: only a newer version may replace one. Where codes are looked up in any case, KEYS[2] says
// which code is the only one: with another one there may be several.
const SET_IF_NEWER = `
  if KEYS[2] then
    local only = redis.call('get', KEYS[2])
    if only and only ~= ARGV[3] then redis.call('del', KEYS[2]) end
  end
  local known = redis.call('hget', KEYS[1], 'v')
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('hset', KEYS[1], 'v', ARGV[1], 't', ARGV[2])
  redis.call('expire', KEYS[1], ${KEEP_SECONDS})
  return 1`

/**
 * Opens the cache at `url` and reads the position last written to it. Keys contain the database's identity, so that a restored or
 * promoted database starts with an empty cache. After an outage of the cache, or a restart from an older dump, it is brought up to date
 * from the position stored in it. Until then it is only read while the database is unreachable.
 */
export async function openSharedCache({
  url,
  database,
  anyCase = false,
  log,
}: {
  url: string
  database: Database
  /** Whether links are also looked up in another case. */
  anyCase?: boolean
  log: Log
}): Promise<SharedCache> {
  let closed = false
  let trusted = false
  let current: Position | undefined
  let prefix = 'waypost:?:'

  const valkey = openValkey({
    url,
    log,
    name: 'the shared cache',
    without: 'redirects query the database',
    connected(client) {
      trusted = false
      setTimeout(() => void catchUp(client))
    },
    lost: () => void (trusted = false),
  })
  const { ask } = valkey

  /** Brings the cache up to date from its stored position; retries until that succeeds. */
  async function catchUp(one: RedisClient) {
    while (one === valkey.client() && !closed && !trusted) {
      try {
        if (current && database.state() === 'up') await bringUp(one, current)
      } catch (error) {
        log.debug({ reason: (error as Error).message }, 'cannot bring the shared cache up to date: will try again')
      }
      if (!trusted) await Bun.sleep(CATCH_UP_EVERY)
    }
  }

  async function bringUp(one: RedisClient, { identity }: Position) {
    const text = await within(one.get(positionKey), WRITTEN_WITHIN)
    const from = parse<Position>(text)
    if (from?.identity === identity) {
      const at = Date.now()
      const rows = await database.run((sql) => sql.unsafe<ChangedLink[]>(changedLinks, [from.snapshot]), 10_000)
      const { snapshot } = rows[0]!
      if (rows[0]!.identity !== identity || current?.identity !== identity) return
      const changed = rows.filter(({ code }) => code !== null) as unknown as Target[]
      for (let i = 0; i < changed.length; i += CHUNK) await within(write(one, changed.slice(i, i + CHUNK)), WRITTEN_WITHIN)
      await within(one.set(positionKey, JSON.stringify({ identity, snapshot, at })), WRITTEN_WITHIN)
    } else {
      // Its age is unknown: delete what it has of this database.
      const position = await database.run((sql) => positionNow(sql))
      if (position.identity !== identity || current?.identity !== identity) return
      for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
        const answer = one.send('SCAN', [cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000']) as Promise<[string, string[]]>
        const [next, keys] = await within(answer, WRITTEN_WITHIN)
        if (keys.length > 0) await within(one.send('DEL', keys), WRITTEN_WITHIN)
        cursor = next
      }
      await within(one.set(positionKey, JSON.stringify(position)), WRITTEN_WITHIN)
    }
    if (one === valkey.client()) trusted = true
  }

  const write = (redis: RedisClient, targets: Target[]) =>
    Promise.all(
      targets.map((target) => {
        const { code, version } = target
        const keys = anyCase ? [key(code), onlyKey(folded(code))] : [key(code)]
        return redis.send('EVAL', [SET_IF_NEWER, String(keys.length), ...keys, String(version), JSON.stringify(target), code])
      }),
    )

  const key = (code: string) => `${prefix}${code}`
  const onlyKey = (key: string) => `${prefix}#${key}` // no code contains #
  const positionKey = 'waypost:position'

  await valkey.opened
  const saved = await ask((redis) => redis.get(positionKey))
  const found = parse<Position>(saved)
  if (found) adopt(found)

  function adopt(position: Position) {
    current = position
    prefix = `waypost:${Bun.hash(position.identity).toString(36)}:`
  }

  async function get(code: string): Promise<Target | undefined> {
    if (!trusted && database.state() === 'up') return undefined
    const found = parse<Record<string, unknown>>(await ask((redis) => redis.hget(key(code), 't')))
    return found && rowOf(code, found) // undefined if a release with other columns wrote it, or another program
  }

  return {
    get,
    async inAnyCase(key) {
      const code = await ask((redis) => redis.get(onlyKey(key)))
      return typeof code === 'string' && folded(code) === key ? get(code) : undefined
    },
    remember: (key, code) => void ask((redis) => redis.set(onlyKey(key), code, 'EX', KEEP_SECONDS)),
    /** The feed does not wait: what cannot be written now is caught up when the cache is back. */
    async apply(targets, position) {
      if (position) current = position
      const wasTrusted = trusted
      const written = await ask((redis) => write(redis, targets), WRITTEN_WITHIN)
      if (position && wasTrusted && trusted && written) await ask((redis) => redis.set(positionKey, JSON.stringify(position)))
    },
    position: () => current,
    async restart() {
      const position = await database.run((sql) => positionNow(sql))
      adopt(position)
      const client = valkey.client()
      if (client) {
        trusted = false
        void catchUp(client)
      }
      return position
    },
    figures: valkey.figures,
    close() {
      closed = true
      valkey.close()
    },
  }
}

/** Undefined if it is not JSON: another program may have written it. */
function parse<T>(text: string | null | undefined): T | undefined {
  try {
    return text ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}
