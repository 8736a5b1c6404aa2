// A connection to Valkey (or Redis) that holds nobody up: what is not answered in time has no answer, and the connection is made anew.
import { RedisClient } from 'bun'
import type { Log } from './telemetry/logs.ts'

export type Valkey = ReturnType<typeof openValkey>

const DEADLINE = 50
const CONNECT_WITHIN = 1_000
const TRY_AGAIN = 500
/** A connection on which nothing failed for so long is a good one, also where nothing was asked. */
const STANDS_AFTER = 3_000

type Options = {
  url: string
  log: Log
  /** For the log: 'the shared cache'. */
  name: string
  /** For the log: what happens without it. */
  without: string
  connected?: (client: RedisClient) => void
  lost?: () => void
}

/** Connects, again and again. A client that lost its server never recovers (Bun gives up for good), so each connection is a new client. */
export function openValkey({ url, log, name, without, connected, lost }: Options) {
  let client: RedisClient | undefined
  let closed = false
  const figures = { rebuilt: 0, late: 0 }
  let connectedAt = 0
  let failingSince: number | undefined = performance.now() // until a command was answered: one that is slow connects, and answers none in time
  const stands = () => client !== undefined && performance.now() - connectedAt > STANDS_AFTER

  async function connect() {
    for (let first = true; !closed; first = false) {
      const fresh = new RedisClient(url, { enableOfflineQueue: false, autoReconnect: false, connectionTimeout: CONNECT_WITHIN })
      try {
        await within(fresh.connect(), CONNECT_WITHIN)
        if (closed) return fresh.close()
        fresh.onclose = () => drop(fresh, 'the connection was closed')
        client = fresh
        connectedAt = performance.now()
        figures.rebuilt++
        connected?.(fresh)
        log.info(`${name} is reachable`)
        return
      } catch (error) {
        fresh.close()
        if (first) log.warn({ reason: (error as Error).message }, `${name} is not reachable: ${without}`)
        await Bun.sleep(TRY_AGAIN)
      }
    }
  }

  function drop(one: RedisClient, reason: string) {
    if (one !== client || closed) return
    if (stands()) failingSince = undefined
    failingSince ??= performance.now()
    client = undefined
    lost?.()
    one.close()
    log.warn({ reason }, `${name} gave no answer: ${without}`)
    setTimeout(connect, TRY_AGAIN) // else a slow server would hold up every request for its first 50 ms
  }

  const opened = connect()

  return {
    /** Settles with the first connection, or after a second without one. */
    opened: Promise.race([opened, Bun.sleep(CONNECT_WITHIN)]),
    client: () => client,
    /** The command's answer, or undefined where there was none in time: frozen or gone, the next connection finds out. */
    async ask<T>(command: (client: RedisClient) => Promise<T>, deadline = DEADLINE): Promise<T | undefined> {
      const one = client
      if (!one) return undefined
      try {
        const answer = await within(command(one), deadline)
        failingSince = undefined
        return answer
      } catch (error) {
        figures.late++
        drop(one, (error as Error).message)
        return undefined
      }
    },
    /** `away`: for how many ms nothing was answered. */
    figures: () => ({
      up: client !== undefined,
      away: failingSince === undefined || stands() ? 0 : performance.now() - failingSince,
      ...figures,
    }),
    close() {
      closed = true
      client?.close()
    },
  }
}

export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  work.catch(() => {}) // it may fail after nobody waits any more
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
