import type { OnStop } from '../base/on-stop.ts'
import { waitAtMost } from '../base/time-limit.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { createPeers } from '../http/client-address.ts'
import type { EventStreams } from '../http/event-stream.ts'
import type { Lifecycle } from '../monitor/lifecycle.ts'
import type { Log } from '../telemetry/logs.ts'

const MAX_REQUEST_BYTES = 65 * 1024 * 1024 // imports may have 64 MiB; other bodies are limited where they are read
const IDLE_SECONDS = 30 // a live tail sends something every 5 s

type Parts = {
  log: Log
  peers: ReturnType<typeof createPeers>
  streams: EventStreams
  onStop: OnStop
  lifecycle: Pick<Lifecycle, 'onDrain'>
}
type Fetch = (request: Request) => Response | Promise<Response>
type Address = Pick<Config, 'HOST' | 'PORT'>

/**
 * Opens the port and returns its number. `shared`: other processes of this service may open it too; `closed` is called once it accepts no more
 * connections.
 */
export function listen(
  { log, peers, streams, onStop, lifecycle }: Parts,
  fetch: Fetch,
  { HOST, PORT }: Address,
  { shared = false, closed = () => {} } = {},
): number {
  const options = {
    port: PORT,
    hostname: HOST,
    reusePort: shared, // else a second server would silently share the port
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    development: false as const,
    error(error: Error) {
      log.error({ err: error }, 'a request failed outside the pipeline')
      return Response.json({ error: 'internal error' }, { status: 500 })
    },
  }
  const http = Bun.serve({ ...options, fetch })
  peers.of(http)
  lifecycle.onDrain('close connections', () => http.reload({ ...options, fetch: lastOf(fetch) }))
  onStop('finish requests', async (ms) => {
    streams.endAll()
    const finished = http.stop()
    closed()
    await waitAtMost(finished, ms / 2)
    await http.stop(true)
  })
  return http.port ?? PORT
}

/** Answers the last request of each connection: its client opens another one, to a server that stays. */
function lastOf(fetch: Fetch): Fetch {
  const last = (response: Response) => {
    response.headers.set('Connection', 'close')
    return response
  }
  return (request) => {
    const answer = fetch(request)
    return answer instanceof Promise ? answer.then(last) : last(answer)
  }
}

/** The port, chosen if PORT is 0. Throws ConfigError if it cannot be opened. */
export function freePort({ HOST, PORT }: Address): number {
  try {
    const listener = Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } })
    listener.stop(true)
    return listener.port
  } catch {
    throw new ConfigError(
      `cannot open port ${PORT} on ${HOST}: it is in use or not permitted; stop what listens there, or set PORT`,
    )
  }
}
