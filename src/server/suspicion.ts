import type { Recorder } from '../clicks/recorder.ts'
import type { OpenDatabase } from '../database/open.ts'
import type { Disk } from '../telemetry/disk.ts'

const EVERY = 5_000 // ms

/** Has the database checked when its disk is nearly full or clicks cannot be stored, before a user's change fails. */
export function suspectDatabase({
  database,
  disk,
  clicks,
}: {
  database: OpenDatabase
  disk: Disk
  clicks: Recorder
}): () => void {
  const timer = setInterval(() => {
    const short = database.address.kind === 'embedded' && disk.figures().short > 0
    if (short || clicks.figures().failing) database.suspect()
  }, EVERY)
  timer.unref()
  return () => clearInterval(timer)
}
