// The second tier in Valkey (or Redis), for replicas whose disk is tiny. Away, it is a miss within 50 ms, never an error.
import { RedisClient } from 'bun'
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
const KEEP_SECONDS = 86_400

// Only a newer version replaces a value; both are written by every replica that follows the feed.
const SET_IF_NEWER = `
  local known = redis.call('hget', KEYS[1], 'v')
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('hset', KEYS[1], 'v', ARGV[1], 't', ARGV[2])
  redis.call('expire', KEYS[1], ${KEEP_SECONDS})
  return 1`

/**
 * Opens the cache at `url`; resolves with the position that was last written to it. Keys carry the database's identity, so that a restored
 * or promoted one begins with an empty cache. A client that lost its server never recovers (Bun gives up for good), so it is made anew.
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
        fresh.onclose = () => lost(fresh)
        client = fresh
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
    one.close()
    void connect()
  }

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
  if (saved) adopt(JSON.parse(saved) as Position)

  function adopt(position: Position) {
    place = position
    prefix = `waypost:${Bun.hash(position.identity).toString(36)}:`
  }

  return {
    async get(code) {
      const text = await ask((redis) => redis.hget(key(code), 't'))
      return text ? (JSON.parse(text) as Target) : undefined
    },
    async apply(targets, position) {
      const written = await ask(
        (redis) =>
          Promise.all(
            targets.map((target) =>
              redis.send('EVAL', [SET_IF_NEWER, '1', key(target.code), String(target.version), JSON.stringify(target)]),
            ),
          ),
        CONNECT_WITHIN,
      )
      if (!position) return
      if (written === undefined && targets.length > 0) throw new Error('the shared cache took no changes') // the feed reads them again
      place = position
      await ask((redis) => redis.set(placeKey, JSON.stringify(position)))
    },
    position: () => place,
    async restart() {
      const position = await database.run((sql) => positionNow(sql))
      adopt(position)
      return position
    },
    figures: () => ({ up: client !== undefined, ...figures }),
    close() {
      closed = true
      client?.close()
    },
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
