import type { Fault } from '../fault.ts'

export const valkeyAway: Fault = {
  name: 'valkey-away',
  about: 'kill -9 of Valkey, behind which one replica keeps its links; it comes back empty',
  signs: { log: /shared cache/ },
  lacks: ({ valkey }) => (valkey ? undefined : 'neither Valkey nor Redis is installed'),
  async begin({ valkey }) {
    valkey!.kill('SIGKILL')
    await valkey!.exited
    return { end: () => valkey!.start() }
  },
}
