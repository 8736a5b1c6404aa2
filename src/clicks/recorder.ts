// What the redirect and the reads of clicks talk to: appends to the journal here, while the worker stores what was appended.
import { randomUUIDv7 } from 'bun'
import type { Address } from '../database/connect.ts'
import { workerFile } from '../executable.ts'
import type { Slot } from '../slots.ts'
import type { Log } from '../telemetry/logs.ts'
import { type DrainState, newState } from './drain.ts'
import type { DrainStart, FromDrain, ToDrain } from './drain-worker.ts'
import { controlBlock, openJournal } from './journal.ts'

export type Recorder = {
  /** Of the journal, and with it of this run of the replica. */
  journalId: string
  /** Keeps one click; never waits, never throws. `time` in ms since 1970; the texts as visitor.ts made them. */
  record: (linkId: number, time: number, referrer: string, userAgent: string, address: string) => void
  /** Waits, at most 500 ms and not while the database is away, until the clicks recorded before now are stored; returns how many are not. */
  settled: () => Promise<number>
  /** Remembers which clicks are not stored now; what it returns says whether one of them was of one of these links. */
  unstored: () => (linkIds: number[]) => boolean
  figures: () => RecorderFigures
  /** Fault injection: while true, no click leaves the journal. */
  freeze: (frozen: boolean) => void
  /** Fault injection: to the drain too the database is away, for so large a share of its queries. */
  pretendAway: (share: number) => void
  /** Stores what is left, within `ms`; what cannot be stored waits in the journal for the next start. */
  stop: (ms: number) => Promise<void>
}

export type RecorderFigures = DrainState & {
  backlog: number
  recorded: number
  dropped: number
  restarts: number
  noRoom: string | undefined
  slot: string
}

type Options = { slot: Slot; dataDir: string; address: Address; keep: number; maxBytes: number; log: Log }

const SETTLE_WITHIN = 500
const READY_WITHIN = 5_000
/** Links of so many last clicks are known; where more are not stored, any link may be among them. */
const RECENT = 4_096
const RESTART_AFTER = 500

/** Opens a new journal in the slot. Resolves when clicks can be kept (or, on a full disk, are known to be dropped). */
export async function startRecorder({ slot, dataDir, address, keep, maxBytes, log }: Options): Promise<Recorder> {
  const journalId = randomUUIDv7()
  const startedAt = Date.now()
  const shared = controlBlock()
  let state = newState()
  let dropped = 0
  let restarts = 0
  const before = { stored: 0, leftOut: 0, rejected: 0, adopted: 0 } // of the workers that ended
  let noRoom: string | undefined
  let want: number | undefined = 0
  const recent = new Float64Array(RECENT)
  let stopping = false
  const faults = { frozen: false, away: 0 }
  const waiting: { sequence: number; done: () => void }[] = []
  const ready = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()

  const journal = openJournal(
    journalId,
    shared,
    () => worker.postMessage({ wake: true } satisfies ToDrain),
    (next) => {
      want = next
      worker.postMessage({ began: { segment: next - 1, firstSequence: journal.appended() + 1 }, want: next } satisfies ToDrain)
    },
  )
  let worker = startWorker()
  await Promise.race([ready.promise, Bun.sleep(READY_WITHIN)])

  function startWorker(): Worker {
    const started = new Worker(workerFile('clicks/drain-worker'))
    started.onmessage = ({ data }: MessageEvent<FromDrain>) => hear(data)
    started.onerror = (event) => log.error({ reason: event.message }, 'the click drain failed')
    started.addEventListener('close', () => started === worker && ended())
    const start: DrainStart = { slot: slot.folder, dataDir, journalId, startedAt, shared, address, keep, maxBytes, want }
    started.postMessage({ start } satisfies ToDrain)
    if (faults.frozen || faults.away > 0) started.postMessage({ faults } satisfies ToDrain)
    return started
  }

  /** The worker is gone: the journal goes on, and another worker takes over where the database says. */
  async function ended() {
    stopped.resolve()
    if (stopping) return
    for (const key of ['stored', 'leftOut', 'rejected', 'adopted'] as const) {
      before[key] += state[key]
      state[key] = 0
    }
    state.failing = false
    restarts++
    log.error({ restarts }, 'the click drain ended and is started again')
    await Bun.sleep(RESTART_AFTER)
    if (!stopping) worker = startWorker()
  }

  function hear(message: FromDrain) {
    if ('segment' in message) {
      if (message.segment.number === want) want = undefined
      if (noRoom) log.info('the click journal has room again')
      noRoom = undefined
      journal.offer(message.segment)
      ready.resolve()
    } else if ('state' in message) {
      state = message.state
      while (waiting[0] && (state.failing || waiting[0].sequence <= state.watermark)) waiting.shift()!.done()
    } else if ('noRoom' in message) {
      if (!noRoom)
        log.error(
          { reason: message.noRoom },
          'no room for the click journal: clicks will be dropped when the current segment is full',
        )
      noRoom = message.noRoom
      ready.resolve()
    } else if ('log' in message) log[message.log.level](message.log.fields, message.log.message)
    else stopped.resolve()
  }

  return {
    journalId,
    record(linkId, time, referrer, userAgent, address) {
      if (journal.append(linkId, time, referrer, userAgent, address)) recent[journal.appended() % RECENT] = linkId
      else dropped++
    },
    unstored() {
      const from = state.watermark
      const to = journal.appended()
      return (linkIds) => {
        if (from === to) return false
        if (journal.appended() - from >= RECENT) return true
        for (let sequence = from + 1; sequence <= to; sequence++) if (linkIds.includes(recent[sequence % RECENT]!)) return true
        return false
      }
    },
    async settled() {
      const sequence = journal.appended()
      if (state.watermark >= sequence || state.failing) return Math.max(0, sequence - state.watermark)
      const { promise, resolve } = Promise.withResolvers<void>()
      const one = { sequence, done: resolve }
      waiting.push(one)
      worker.postMessage({ wake: true } satisfies ToDrain) // it may be gathering
      await Promise.race([promise, Bun.sleep(SETTLE_WITHIN)])
      const place = waiting.indexOf(one)
      if (place >= 0) waiting.splice(place, 1)
      return Math.max(0, sequence - state.watermark)
    },
    figures: () => ({
      ...state,
      stored: before.stored + state.stored,
      leftOut: before.leftOut + state.leftOut,
      rejected: before.rejected + state.rejected,
      adopted: before.adopted + state.adopted,
      recorded: journal.appended(),
      backlog: journal.appended() - state.watermark,
      dropped,
      restarts,
      noRoom,
      slot: slot.folder,
    }),
    freeze(frozen) {
      faults.frozen = frozen
      worker.postMessage({ faults } satisfies ToDrain)
    },
    pretendAway(share) {
      faults.away = share
      worker.postMessage({ faults } satisfies ToDrain)
    },
    async stop(ms) {
      stopping = true
      worker.postMessage({ stop: ms } satisfies ToDrain)
      await Promise.race([stopped.promise, Bun.sleep(ms)])
      await worker.terminate()
      journal.close()
    },
  }
}
