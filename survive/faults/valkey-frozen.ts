import type { Fault } from '../fault.ts'

export const valkeyFrozen: Fault = {
  name: 'valkey-frozen',
  about: 'SIGSTOP to Valkey: its connections stay open, and it does not respond',
  signs: {
    metric: /^waypost_shared_cache_up 0/,
    log: /the shared cache gave no answer/,
    alert: /^shared_cache_down firing/,
    console: /The shared cache \(Valkey\) does not answer/,
  },
  atLeast: 10, // it counts when there has been no answer for five seconds
  lacks: ({ valkey }) => (valkey ? undefined : 'neither Valkey nor Redis is installed'),
  async begin({ valkey }) {
    valkey!.kill('SIGSTOP')
    return { end: async () => valkey!.kill('SIGCONT') }
  },
}
