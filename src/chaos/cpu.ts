import { availableParallelism } from 'node:os'
import { workerFile } from '../base/executable.ts'
import type { Burn } from './cpu-worker.ts'

/** Keeps every core busy for a `share` of the time, for `ms` at most. Uses separate threads, so that the main thread can still end it. */
export function burn(share: number, ms: number): () => void {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const order: Burn = { stop, share, until: Date.now() + ms }
  const workers = Array.from({ length: availableParallelism() }, () => {
    const worker = new Worker(workerFile('chaos/cpu-worker'))
    worker.postMessage(order)
    return worker
  })
  return () => {
    Atomics.store(stop, 0, 1)
    Atomics.notify(stop, 0)
    for (const worker of workers) worker.terminate()
  }
}
