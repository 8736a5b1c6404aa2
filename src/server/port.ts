import type { OnStop } from '../base/on-stop.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Config } from '../config/config.ts'
import type { createPeers } from '../http/client-address.ts'
import type { EventStreams } from '../http/event-stream.ts'
import type { Log } from '../telemetry/logs.ts'

const MAX_REQUEST_BYTES = 65 * 1024 * 1024 // imports may have 64 MiB; other bodies are limited where they are read
const IDLE_SECONDS = 30 // a live tail sends something every 5 s
const FINISH_WITHIN = 4_000 // ms

type Parts = { config: Config; log: Log; peers: ReturnType<typeof createPeers>; streams: EventStreams; onStop: OnStop }
type Fetch = (request: Request) => Response | Promise<Response>

/** Opens the port and returns its number. */
export function listen({ config, log, peers, streams, onStop }: Parts, fetch: Fetch): number {
  const http = Bun.serve({
    port: config.PORT,
    hostname: config.HOST,
    reusePort: false, // else a second server would silently share the port
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    development: false,
    fetch,
    error(error) {
      log.error({ err: error }, 'a request failed outside the pipeline')
      return Response.json({ error: 'internal error' }, { status: 500 })
    },
  })
  peers.of(http)
  onStop('finish requests', async (ms) => {
    streams.endAll()
    await waitAtMost(http.stop(), Math.min(ms / 2, FINISH_WITHIN))
    await http.stop(true)
  })
  return http.port ?? config.PORT
}
