import type { Fault } from '../fault.ts'

export const valkeyFrozen: Fault = {
  name: 'valkey-frozen',
  about: 'SIGSTOP to Valkey: its connections stay, and it does not answer',
  signs: { log: /shared cache/ },
  lacks: ({ valkey }) => (valkey ? undefined : 'neither Valkey nor Redis is installed'),
  async begin({ valkey }) {
    valkey!.kill('SIGSTOP')
    return { end: async () => valkey!.kill('SIGCONT') }
  },
}
