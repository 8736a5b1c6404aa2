// A rolling restart: nginx passes a replica over and lets its requests end, before the replica hears SIGTERM.
import type { Nginx } from './nginx.ts'
import type { Replica } from './replica.ts'

/** Rejects, with the replica left marked down, where one does not come back: the others are then as they were. */
export async function rollingRestart(replicas: Replica[], nginx: Pick<Nginx, 'mark'>) {
  for (const replica of replicas) {
    await nginx.mark('down', replica.port)
    await replica.stop()
    await replica.start()
    await nginx.mark('up', replica.port)
  }
}
