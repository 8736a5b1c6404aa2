import type { Fault } from '../fault.ts'

export const valkeyAway: Fault = {
  name: 'valkey-away',
  about: 'kill -9 of Valkey, where one replica caches its links; it comes back empty',
  signs: {
    metric: /^waypost_shared_cache_up 0/,
    log: /the shared cache gave no answer/,
    alert: /^shared_cache_down firing/,
    console: /The shared cache \(Valkey\) does not answer/,
  },
  atLeast: 10, // it counts when there has been no answer for five seconds
  lacks: ({ valkey }) => (valkey ? undefined : 'neither Valkey nor Redis is installed'),
  async begin({ valkey }) {
    valkey!.kill('SIGKILL')
    await valkey!.exited
    return { end: () => valkey!.start() }
  },
}
