// The worker that all windows of a browser share: one connection to the server for all their live streams.
import { answerPort } from './kit/server/stream-port.ts'
import { createStreams } from './kit/server/streams.ts'

const streams = createStreams()
const ports = new Set<ReturnType<typeof answerPort>>()

addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  ports.add(answerPort(port!, streams))
})

// A crashed window does not unsubscribe.
setInterval(() => {
  for (const port of ports) if (!port.isThere()) ports.delete(port)
}, 10_000)
