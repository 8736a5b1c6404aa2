import type { OnStop } from '../base/on-stop.ts'
import type { Config } from '../config/config.ts'
import { watchDescriptors } from './descriptors.ts'
import { watchDisk } from './disk.ts'
import type { Log } from './logs.ts'
import { watchMemory } from './machine.ts'
import { createMetrics } from './metrics.ts'

export type Instruments = ReturnType<typeof openInstruments>

type Parts = {
  config: Config
  log: Log
  onStop: OnStop
  /** Shares of the memory and of the descriptors above which the log warns. */
  memoryLimit: number
  descriptorLimit: number
}

/** Opens the instruments that watch this process and its machine. */
export function openInstruments({ config, log, onStop, memoryLimit, descriptorLimit }: Parts) {
  const disk = watchDisk(config.DATA_DIR, config.DISK_FREE_MIN, log)
  const memory = watchMemory(log, memoryLimit)
  const descriptors = watchDescriptors(log, descriptorLimit)
  onStop('stop the instruments', () => {
    disk.stop()
    memory.stop()
    descriptors.stop()
  })
  return { metrics: createMetrics(), disk, memory, descriptors }
}
