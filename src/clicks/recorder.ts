// The interface for recording and awaiting clicks: appends to the journal here, while the worker stores what was appended.
import { randomUUIDv7 } from 'bun'
import { workerFile } from '../base/executable.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Config } from '../config/config.ts'
import type { DatabaseAddress } from '../database/address.ts'
import { controlBlock, openJournal } from '../journal/journal.ts'
import type { Log } from '../telemetry/logs.ts'
import type { DrainStart, FromDrain, ToDrain } from './drain-messages.ts'
import { type DrainState, newState } from './drain-state.ts'

export type Recorder = {
  /** Of the journal, and thus of this run of the replica. */
  journalId: string
  /** Resolves when clicks can be recorded, or, on a full disk, when it is known that they are dropped; with false after 5 s without either. */
  opened: Promise<boolean>
  /**
   * Records one click; never waits, never throws; false if it is dropped. `time` in ms since 1970; the texts are those of visitor.ts; `marks` of
   * journal-format.ts.
   */
  record: (linkId: number, time: number, referrer: string, userAgent: string, address: string, marks?: number) => boolean
  /** Waits until all clicks so far are stored, at most 500 ms, and not while the database is unreachable; returns the number of unstored ones. */
  settled: () => Promise<number>
  /** Takes a snapshot of unstored clicks; the returned function tells whether any belongs to these links. */
  unstored: () => (linkIds: number[]) => boolean
  figures: () => RecorderFigures
  /** Fault injection: while true, clicks stay in the journal. */
  freeze: (frozen: boolean) => void
  /** Fault injection: the fraction (0–1) of the drain's queries that fail as if the database were unreachable. */
  pretendUnreachable: (share: number) => void
  /** Stores the rest within `ms`; what cannot be stored stays in the journal for the next start. */
  stop: (ms: number) => Promise<void>
}

type RecorderFigures = DrainState & {
  backlog: number
  recorded: number
  dropped: number
  restarts: number
  noRoom: string | undefined
  slot: string
}

/** `folder` of the slot. */
type Parts = { config: Config; database: { address: DatabaseAddress; begun: Promise<void> }; folder: string; log: Log }

const SETTLE_WITHIN = 500
const READY_WITHIN = 5_000
/** We remember the links of this many recent clicks; with a larger backlog, assume any link may have some. */
const RECENT = 4_096
const RESTART_AFTER = 500

/** Starts the worker, which opens a new journal in the slot while the caller goes on. Await `opened` before the first click. */
export function startRecorder({ config, database: { address, begun }, folder, log }: Parts): Recorder {
  const { DATA_DIR: dataDir, JOURNAL_MAX_BYTES: maxBytes } = config
  const keep = config.JOURNAL_KEEP * 1000
  const journalId = randomUUIDv7()
  const startedAt = Date.now()
  const shared = controlBlock()
  let state = newState()
  let dropped = 0
  let restarts = 0
  const before = { stored: 0, leftOut: 0, rejected: 0, adopted: 0 } // of earlier workers
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

  function startWorker(): Worker {
    const started = new Worker(workerFile('clicks/drain-worker'))
    started.onmessage = ({ data }: MessageEvent<FromDrain>) => receive(data)
    started.onerror = (event) => log.error({ reason: event.message }, 'the click drain failed')
    started.addEventListener('close', () => started === worker && ended())
    const start: DrainStart = { slot: folder, dataDir, journalId, startedAt, shared, address, keep, maxBytes, want }
    started.postMessage({ start } satisfies ToDrain)
    void begun.then(() => started.postMessage({ probe: true } satisfies ToDrain))
    if (faults.frozen || faults.away > 0) started.postMessage({ faults } satisfies ToDrain)
    return started
  }

  /** The worker ended: the journal continues, and a new worker starts from the database's watermark. */
  async function ended() {
    stopped.resolve()
    if (stopping) return
    for (const key of ['stored', 'leftOut', 'rejected', 'adopted'] as const) {
      before[key] += state[key]
      state[key] = 0
    }
    state.failing = false
    restarts++
    log.error({ restarts }, 'the click drain ended: restarting it')
    await Bun.sleep(RESTART_AFTER)
    if (!stopping) worker = startWorker()
  }

  function receive(message: FromDrain) {
    if ('segment' in message) {
      if (message.segment.number === want) want = undefined
      if (noRoom) log.info('the click journal has space again')
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
          'no space for the click journal: clicks will be dropped when the current segment is full',
        )
      noRoom = message.noRoom
      ready.resolve()
    } else if ('log' in message) log[message.log.level](message.log.fields, message.log.message)
    else stopped.resolve()
  }

  return {
    journalId,
    opened: waitAtMost(ready.promise, READY_WITHIN),
    record(linkId, time, referrer, userAgent, address, marks = 0) {
      const appended = journal.append(linkId, time, referrer, userAgent, address, marks)
      if (appended) recent[journal.appended() % RECENT] = linkId
      else dropped++
      return appended
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
      worker.postMessage({ wake: true } satisfies ToDrain) // it may be pausing
      await waitAtMost(promise, SETTLE_WITHIN)
      const index = waiting.indexOf(one)
      if (index >= 0) waiting.splice(index, 1)
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
      slot: folder,
    }),
    freeze(frozen) {
      faults.frozen = frozen
      worker.postMessage({ faults } satisfies ToDrain)
    },
    pretendUnreachable(share) {
      faults.away = share
      worker.postMessage({ faults } satisfies ToDrain)
    },
    async stop(ms) {
      stopping = true
      worker.postMessage({ stop: ms } satisfies ToDrain)
      await waitAtMost(stopped.promise, ms)
      await worker.terminate()
      journal.close()
    },
  }
}
