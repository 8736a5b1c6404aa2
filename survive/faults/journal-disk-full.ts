import type { Fault } from '../fault.ts'

export const journalDiskFull: Fault = {
  name: 'journal-disk-full',
  about:
    'The disk of one replica is full; the replica is killed and started on the full disk. It redirects, deletes drained journals for room, and counts the clicks that it cannot record',
  signs: {
    metric: /^waypost_clicks_journal_full 1/,
    log: /no space for the click journal/,
    console: /The click journal has no room/,
  },
  restarts: true,
  cutsOff: true,
  atLeast: 14, // nginx asks it again 5 s after it was dead
  lacks: ({ replicaDisk }) => (replicaDisk ? undefined : 'a small disk cannot be mounted here: that takes root'),
  async begin({ replicaDisk, onSmallDisk }) {
    await replicaDisk!.fill()
    await Bun.sleep(1_000)
    await onSmallDisk.end('SIGKILL')
    await onSmallDisk.start()
    let dropped = 0
    return {
      mayLose: () => dropped,
      async end() {
        replicaDisk!.empty()
        await Bun.sleep(1_500) // until it has a segment
        dropped = droppedIn(await (await onSmallDisk.ask('/metrics')).text())
      },
    }
  },
}

const droppedIn = (metrics: string) => Number(/^waypost_clicks_dropped_total (\d+)/m.exec(metrics)?.[1] ?? 0)
