import type { Fault } from '../fault.ts'

export const valkeyFrozen: Fault = {
  name: 'valkey-frozen',
  about: 'SIGSTOP to Valkey: its connections stay, and it does not answer',
  signs: {
    metric: /^waypost_shared_cache_up 0/,
    log: /the shared cache gave no answer/,
    console: /The shared cache \(Valkey\) does not answer/,
  },
  lacks: ({ valkey }) => (valkey ? undefined : 'neither Valkey nor Redis is installed'),
  async begin({ valkey }) {
    valkey!.kill('SIGSTOP')
    return { end: async () => valkey!.kill('SIGCONT') }
  },
}
