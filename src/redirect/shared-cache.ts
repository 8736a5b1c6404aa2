// The second tier in Valkey (or Redis), for replicas whose disk is tiny. Away, it is a miss within 50 ms, never an error.
import { RedisClient } from 'bun'
import statement from '../../sql/changes.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { type Position, positionNow } from './position.ts'
import type { Target } from './target.ts'

export type SharedCache = {
  get: (code: string) => Promise<Target | undefined>
  apply: (targets: Target[], position?: Position) => Promise<void>
  position: () => Position | undefined
  restart: () => Promise<Position>
  figures: () => { up: boolean; rebuilt: number; late: number }
  close: () => void
}

const DEADLINE = 50
const CONNECT_WITHIN = 1_000
const TRY_AGAIN = 500
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
 * from the position that is written in it; before that it is not read, except while the database is away. A client that lost its server never recovers (Bun gives up for good), so it is made anew.
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
  let client: RedisClient | undefined
  let closed = false
  let rebuilding = false
  let trusted = false
  const figures = { rebuilt: 0, late: 0 }
  let place: Position | undefined
  let prefix = 'waypost:?:'

  async function connect() {
    if (rebuilding || closed) return
    rebuilding = true
    for (let first = true; !closed; first = false) {
      const fresh = new RedisClient(url, { enableOfflineQueue: false, autoReconnect: false, connectionTimeout: CONNECT_WITHIN })
      try {
        await within(fresh.connect(), CONNECT_WITHIN)
        if (closed) return fresh.close()
        fresh.onclose = () => lost(fresh)
        client = fresh
        trusted = false
        setTimeout(() => void catchUp(fresh))
        figures.rebuilt++
        log.info('the shared cache is reachable')
        break
      } catch (error) {
        fresh.close()
        if (first) log.warn({ reason: (error as Error).message }, 'the shared cache is not reachable: redirects ask the database')
        await Bun.sleep(TRY_AGAIN)
      }
    }
    rebuilding = false
  }

  function lost(one: RedisClient) {
    if (one !== client) return
    client = undefined
    trusted = false
    one.close()
    void connect()
  }

  /** Brings the cache from the position that it says it has to now. */
  async function catchUp(one: RedisClient) {
    while (one === client && !closed && !trusted) {
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
    const text = await within(one.get(placeKey), CONNECT_WITHIN)
    const from = parse<Position>(text)
    if (from?.identity === identity) {
      const at = Date.now()
      const rows = await database.run((sql) => sql.unsafe<Changed[]>(statement, [from.snapshot]), 10_000)
      const { snapshot } = rows[0]!
      if (rows[0]!.identity !== identity || place?.identity !== identity) return
      const changed = rows.filter(({ code }) => code !== null) as unknown as Target[]
      for (let i = 0; i < changed.length; i += CHUNK) await within(write(one, changed.slice(i, i + CHUNK)), CONNECT_WITHIN)
      await within(one.set(placeKey, JSON.stringify({ identity, snapshot, at })), CONNECT_WITHIN)
    } else {
      // It does not say how old it is: what it has of this database goes.
      const position = await database.run((sql) => positionNow(sql))
      if (position.identity !== identity || place?.identity !== identity) return
      for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
        const answer = one.send('SCAN', [cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000']) as Promise<[string, string[]]>
        const [next, keys] = await within(answer, CONNECT_WITHIN)
        if (keys.length > 0) await within(one.send('DEL', keys), CONNECT_WITHIN)
        cursor = next
      }
      await within(one.set(placeKey, JSON.stringify(position)), CONNECT_WITHIN)
    }
    if (one === client) trusted = true
  }

  const write = (redis: RedisClient, targets: Target[]) =>
    Promise.all(
      targets.map((target) =>
        redis.send('EVAL', [SET_IF_NEWER, '1', key(target.code), String(target.version), JSON.stringify(target)]),
      ),
    )

  /** The command's answer, or undefined where there was none in time. */
  async function ask<T>(command: (client: RedisClient) => Promise<T>, deadline = DEADLINE): Promise<T | undefined> {
    const one = client
    if (!one) return undefined
    try {
      return await within(command(one), deadline)
    } catch {
      figures.late++
      lost(one) // frozen or gone: the next connection finds out
      return undefined
    }
  }

  const key = (code: string) => `${prefix}${code}`
  const placeKey = 'waypost:position'

  await Promise.race([connect(), Bun.sleep(CONNECT_WITHIN)])
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
      return parse<Target>(await ask((redis) => redis.hget(key(code), 't')))
    },
    /** What cannot be written now is made up for when the cache is back: the feed does not wait for it. */
    async apply(targets, position) {
      if (position) place = position
      const wasTrusted = trusted
      const written = await ask((redis) => write(redis, targets), CONNECT_WITHIN)
      if (position && wasTrusted && trusted && written) await ask((redis) => redis.set(placeKey, JSON.stringify(position)))
    },
    position: () => place,
    async restart() {
      const position = await database.run((sql) => positionNow(sql))
      adopt(position)
      if (client) {
        trusted = false
        void catchUp(client)
      }
      return position
    },
    figures: () => ({ up: client !== undefined, ...figures }),
    close() {
      closed = true
      client?.close()
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

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  work.catch(() => {}) // it may fail after nobody waits any more
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
