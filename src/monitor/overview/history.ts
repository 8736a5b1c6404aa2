// Samples that survive restarts. Those of this slot are read at the start and written every 10 s. Those of other slots on this DATA_DIR
// are read when the whole fleet is shown and their replica does not answer, so that the fleet's past stays complete.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { placeIn } from '../../fleet/instance.ts'
import { slotFolders } from '../../slot/slots.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { Table } from './columns.ts'
import { type SampleRing, sampleRing } from './ring.ts'
import { openRingFile, readRing, TIERS } from './ring-file.ts'

const EVERY = 10_000
const READ_EVERY = 5_000 // ms between two reads of other slots' files
const MAX_OTHERS = 8 // other slots kept in memory, 1.5 MB each
const A_DAY = 86_400_000

export type History = ReturnType<typeof openHistory>

type Parts = { folder: string; dataDir: string; ring: SampleRing; log: Pick<Log, 'error' | 'warn'> }
type OtherSlot = { place: string; changed: number; ring: SampleRing }

export function openHistory({ folder, dataDir, ring, log }: Parts) {
  const file = openRingFile(join(folder, 'samples'), log)
  ring.restore(file.kept)
  let next = Math.floor(Date.now() / 1000)
  let writing = Promise.resolve()
  let others = new Map<string, OtherSlot>()
  let readAt = Number.NEGATIVE_INFINITY
  const timer = setInterval(write, EVERY)
  timer.unref()

  /** Writes new samples; writes are serialised. */
  function write() {
    const to = Math.floor(Date.now() / 1000)
    const from = Math.max(next, to - TIERS[0]!.slots)
    next = to
    const parts = TIERS.map(({ step }) => ({ step, rows: ring.read(from, to, step).rows }))
    writing = writing.then(() => file.write(parts))
    return writing
  }

  function readOthers() {
    if (performance.now() - readAt < READ_EVERY) return
    readAt = performance.now()
    const found = slotFolders(dataDir)
      .filter((one) => one !== folder)
      .flatMap((one) => {
        const place = placeIn(one)
        const changed = statSync(join(one, 'samples'), { throwIfNoEntry: false })?.mtimeMs
        return place && changed && Date.now() - changed < A_DAY ? [{ one, place, changed }] : []
      })
      .sort((a, b) => b.changed - a.changed)
      .slice(0, MAX_OTHERS)
    const before = others
    others = new Map()
    for (const { one, place, changed } of found) {
      const known = before.get(one)
      others.set(one, known?.place === place ? { ...known, changed } : { place, changed, ring: sampleRing() })
      if (known?.changed === changed) continue
      try {
        const fresh = sampleRing()
        fresh.restore(readRing(join(one, 'samples')))
        others.get(one)!.ring = fresh
      } catch {
        // its own replica logs that
      }
    }
  }

  return {
    /** When the previous process was last known to run, in ms since 1970; undefined if there are no samples. */
    livedUntil: () => {
      const last = file.kept[0]?.rows.at(-1)?.[0]
      return last === undefined ? undefined : (last + 1) * 1000
    },
    /** The samples of slots that are not in `answered`. */
    ofOthers(answered: Set<string>, from: number, to: number, step: number): (Table & { key: string })[] {
      readOthers()
      return [...others.values()]
        .filter(({ place }) => !answered.has(place))
        .map(({ place, ring }) => ({ key: place, ...ring.read(from, to, step) }))
    },
    async stop() {
      clearInterval(timer)
      await write()
    },
  }
}
