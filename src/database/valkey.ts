// A connection to Valkey (or Redis) that delays nobody: a late answer counts as none, and the connection is replaced.
import { RedisClient } from 'bun'
import { waitAtMost, within } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'

export type Valkey = ReturnType<typeof openValkey>

const DEADLINE = 50
const CONNECT_WITHIN = 1_000
const TRY_AGAIN = 500
/** ms without a failure after which a connection counts as good, even if nothing was asked. */
const GOOD_AFTER = 3_000

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

/** Connects, and reconnects. A client that lost its server never recovers (Bun gives up for good), so each connection is a new client. */
export function openValkey({ url, log, name, without, connected, lost }: Options) {
  let client: RedisClient | undefined
  let closed = false
  const figures = { rebuilt: 0, late: 0 }
  let connectedAt = 0
  let failingSince: number | undefined = performance.now() // until a command is answered: a slow server accepts connections but answers nothing in time
  const isGood = () => client !== undefined && performance.now() - connectedAt > GOOD_AFTER

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
    if (isGood()) failingSince = undefined
    failingSince ??= performance.now()
    client = undefined
    lost?.()
    one.close()
    log.warn({ reason }, `${name} gave no answer: ${without}`)
    setTimeout(connect, TRY_AGAIN) // otherwise a slow server would delay every request by its first 50 ms
  }

  const opened = connect()

  return {
    /** Settles with the first connection, or after a second without one. */
    opened: waitAtMost(opened, CONNECT_WITHIN),
    client: () => client,
    /** The command's answer; undefined if there was none in time. Then the connection is replaced, whether the server is frozen or down. */
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
    /** `away`: ms without an answer. */
    figures: () => ({
      up: client !== undefined,
      away: failingSince === undefined || isGood() ? 0 : performance.now() - failingSince,
      ...figures,
    }),
    close() {
      closed = true
      client?.close()
    },
  }
}
