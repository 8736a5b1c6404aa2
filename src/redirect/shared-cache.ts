// The second tier in Valkey (or Redis), for replicas whose disk is tiny. Away, it is a miss within 50 ms, never an error.
import type { RedisClient } from 'bun'
import statement from '../../sql/changes.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { openValkey, within } from '../valkey.ts'
import { type Position, positionNow } from './position.ts'
import type { Target } from './target.ts'

export type SharedCache = {
  get: (code: string) => Promise<Target | undefined>
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

// Only a newer version replaces a value; both are written by every replica that follows the feed.
const SET_IF_NEWER = `
  local known = redis.call('hget', KEYS[1], 'v')
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('hset', KEYS[1], 'v', ARGV[1], 't', ARGV[2])
  redis.call('expire', KEYS[1], ${KEEP_SECONDS})
  return 1`

type Changed = { identity: string; snapshot: string; code: string | null } & Omit<Target, 'code'>

/**
 * Opens the cache at `url`; resolves with the position that was last written to it. Keys carry the database's identity, so that a restored
 * or promoted one begins with an empty cache. What a cache missed while it was away, or lost by a restart from an older dump, is made up for
 * from the position that is written in it; before that it is not read, except while the database is away.
 */
export async function openSharedCache({
  url,
  database,
  log,
}: {
  url: string
  database: Database
  log: Log
}): Promise<SharedCache> {
  let closed = false
  let trusted = false
  let place: Position | undefined
  let prefix = 'waypost:?:'

  const valkey = openValkey({
    url,
    log,
    name: 'the shared cache',
    without: 'redirects ask the database',
    connected(client) {
      trusted = false
      setTimeout(() => void catchUp(client))
    },
    lost: () => void (trusted = false),
  })
  const { ask } = valkey

  /** Brings the cache from the position that it says it has to now. */
  async function catchUp(one: RedisClient) {
    while (one === valkey.client() && !closed && !trusted) {
      try {
        if (place && database.state() === 'up') await bringUp(one, place)
      } catch (error) {
        log.debug(
          { reason: (error as Error).message },
          'the shared cache could not be brought up to date and will be tried again',
        )
      }
      if (!trusted) await Bun.sleep(CATCH_UP_EVERY)
    }
  }

  async function bringUp(one: RedisClient, { identity }: Position) {
    const text = await within(one.get(placeKey), WRITTEN_WITHIN)
    const from = parse<Position>(text)
    if (from?.identity === identity) {
      const at = Date.now()
      const rows = await database.run((sql) => sql.unsafe<Changed[]>(statement, [from.snapshot]), 10_000)
      const { snapshot } = rows[0]!
      if (rows[0]!.identity !== identity || place?.identity !== identity) return
      const changed = rows.filter(({ code }) => code !== null) as unknown as Target[]
      for (let i = 0; i < changed.length; i += CHUNK) await within(write(one, changed.slice(i, i + CHUNK)), WRITTEN_WITHIN)
      await within(one.set(placeKey, JSON.stringify({ identity, snapshot, at })), WRITTEN_WITHIN)
    } else {
      // It does not say how old it is: what it has of this database goes.
      const position = await database.run((sql) => positionNow(sql))
      if (position.identity !== identity || place?.identity !== identity) return
      for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
        const answer = one.send('SCAN', [cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000']) as Promise<[string, string[]]>
        const [next, keys] = await within(answer, WRITTEN_WITHIN)
        if (keys.length > 0) await within(one.send('DEL', keys), WRITTEN_WITHIN)
        cursor = next
      }
      await within(one.set(placeKey, JSON.stringify(position)), WRITTEN_WITHIN)
    }
    if (one === valkey.client()) trusted = true
  }

  const write = (redis: RedisClient, targets: Target[]) =>
    Promise.all(
      targets.map((target) =>
        redis.send('EVAL', [SET_IF_NEWER, '1', key(target.code), String(target.version), JSON.stringify(target)]),
      ),
    )

  const key = (code: string) => `${prefix}${code}`
  const placeKey = 'waypost:position'

  await valkey.opened
  const saved = await ask((redis) => redis.get(placeKey))
  const found = parse<Position>(saved)
  if (found) adopt(found)

  function adopt(position: Position) {
    place = position
    prefix = `waypost:${Bun.hash(position.identity).toString(36)}:`
  }

  return {
    async get(code) {
      if (!trusted && database.state() === 'up') return undefined
      const found = parse<Target>(await ask((redis) => redis.hget(key(code), 't')))
      return found && { ...found, blocked: undefined } // for us to say, not for who writes there
    },
    /** What cannot be written now is made up for when the cache is back: the feed does not wait for it. */
    async apply(targets, position) {
      if (position) place = position
      const wasTrusted = trusted
      const written = await ask((redis) => write(redis, targets), WRITTEN_WITHIN)
      if (position && wasTrusted && trusted && written) await ask((redis) => redis.set(placeKey, JSON.stringify(position)))
    },
    position: () => place,
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

/** Undefined also where somebody else wrote something there. */
function parse<T>(text: string | null | undefined): T | undefined {
  try {
    return text ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}
