// The worker thread behind the recorder: makes segments ready, syncs what is written, drains the live journal, and adopts those of the dead.

import { closeSync, fdatasync, openSync, readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { type Address, openPool } from '../database/connect.ts'
import type { Database } from '../database/guard.ts'
import { lockSlot, slotFolders } from '../slots.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import type { Log } from '../telemetry/logs.ts'
import { type DeadJournal, type DrainState, drainFolder, journalDrain, newState, removeJournal } from './drain.ts'
import { CONTROL, type PreparedSegment } from './journal.ts'
import { openReader } from './journal-reader.ts'
import { isWantOfRoom, journalsIn, prepareSegment, type SegmentFile, segmentPath, sizeOfSegment } from './segments.ts'

export type DrainStart = {
  slot: string
  dataDir: string
  journalId: string
  startedAt: number
  shared: SharedArrayBuffer
  address: Address
  /** How long drained segments are kept, ms. */
  keep: number
  maxBytes: number
  /** The segment to make ready first; undefined where the writer has one to spare. */
  want: number | undefined
}
export type ToDrain =
  | { start: DrainStart }
  | { began: { segment: number; firstSequence: number }; want: number }
  | { wake: true }
  | { faults: { frozen: boolean; away: number } }
  | { stop: number }
export type FromDrain =
  | { segment: PreparedSegment }
  | { state: DrainState }
  | { noRoom: string }
  | { log: { level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string } }
  | { stopped: true }

declare const self: Worker & { postMessage(message: FromDrain): void }

const IDLE_LOOK = 1_000
// While clicks keep coming, they are gathered for a moment: 1,000 stored together cost a quarter of 1,000 stored in tens, and at 80 a second
// each stored by itself took a quarter of a core.
const GATHER = 50
const SYNC_EVERY = 200 // what power loss may cost
const ALIGN_EVERY = 5_000
const ADOPT_EVERY = 10_000
const sync = promisify(fdatasync)

let tell: (message: Exclude<ToDrain, { start: DrainStart }>) => void = () => {}

// As in commands/serve.ts: a connection that goes while it opens must not cost this worker.
process.on('unhandledRejection', (error) => workerLog.error({ err: error as Error }, 'an error that nobody waited for'))

self.onmessage = ({ data }: MessageEvent<ToDrain>) => {
  if ('start' in data) void start(data.start)
  else tell(data)
}

/** Redirects come first: the drain takes what time they leave. Linux alone sets a thread's priority, and elsewhere this is a wish. */
function giveWay() {
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), 10)
  } catch {
    // not allowed here
  }
}

async function start({ slot, dataDir, journalId, startedAt, shared, address, keep, maxBytes, want }: DrainStart) {
  giveWay()
  const control = new Int32Array(shared)
  const state = newState()
  const database: Database = openPool(address, 2, workerLog)
  const segments: SegmentFile[] = (await journalsIn(slot)).journals.get(journalId) ?? []
  const published = (segment: number) => Atomics.load(control, CONTROL.committed + (segment % CONTROL.RING)) << 3
  const reader = openReader(journalId, segments, published)
  const live = journalDrain(database, { id: journalId, reader, startedAt, state, report, hold: whileFrozen })
  const drained: { segment: SegmentFile; at: number }[] = []
  let wanted = want
  let stopAt: number | undefined
  let frozen = false
  let wake = () => {}
  let adopting = Promise.resolve()
  let synced = { segment: -1, length: 0 }
  const dead = new Map<string, DeadJournal>()

  tell = (message) => {
    if ('began' in message) {
      const { segment, firstSequence } = message.began
      segments.push({
        journalId,
        segment,
        firstSequence,
        startedAt,
        path: segmentPath(slot, journalId, segment),
        size: sizeOfSegment(segment),
      })
      wanted = message.want
      prepare()
    } else if ('stop' in message) stopAt = Date.now() + message.stop
    else if ('faults' in message) {
      frozen = message.faults.frozen
      database.pretendAway(message.faults.away)
    }
    wake()
  }

  prepare()
  const timers = [
    setInterval(() => wanted !== undefined && prepare(), 1_000),
    setInterval(syncWritten, SYNC_EVERY),
    setInterval(() => void (adopting = adopting.then(adopt)), ADOPT_EVERY),
  ]
  database.onUp(() => void (adopting = adopting.then(adopt))) // at the start, and when it is back or another
  await run()
  timers.forEach(clearInterval)
  await syncWritten()
  await adopting
  reader.close()
  await database.close()
  self.postMessage({ stopped: true })

  /** Drains the live journal until told to stop, and then what is left of it. */
  async function run() {
    let aligned = Date.now()
    for (;;) {
      try {
        const count = await live.step(() => self.postMessage({ state }))
        if (state.failing) self.postMessage({ state: Object.assign(state, { failing: false }) })
        if (count > 0) {
          self.postMessage({ state })
          release()
          await pause(GATHER)
        } else if (stopAt !== undefined) return
        else {
          await idle()
          if (Date.now() - aligned > ALIGN_EVERY) {
            await live.align() // a failover shows as an older watermark, also when there are no clicks
            aligned = Date.now()
          }
        }
      } catch {
        state.failing = true
        self.postMessage({ state })
      }
      if (stopAt !== undefined && Date.now() > stopAt) return
    }
  }

  async function whileFrozen() {
    if (frozen) self.postMessage({ state }) // so that the age of the oldest is known
    while (frozen && stopAt === undefined) await pause(IDLE_LOOK)
  }

  /** Waits `ms`, or until somebody wakes it. */
  function pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms)
      wake = () => {
        clearTimeout(timer)
        done()
      }
    })
  }

  function idle(): Promise<void> {
    return new Promise((done) => {
      void pause(IDLE_LOOK).then(done)
      control[CONTROL.asleep] = 1
      const current = Atomics.load(control, CONTROL.segment)
      const last = segments.at(-1)
      if (last && (last.segment !== current || reader.position() < published(current))) wake() // written before the flag was up
    })
  }

  function prepare() {
    if (wanted === undefined) return
    try {
      const now = Date.now()
      const crowded = (drained.length + 3) * sizeOfSegment(wanted) > maxBytes
      const free = drained.filter(({ at }) => crowded || now - at > keep).map(({ segment }) => segment)
      const offered = [...free]
      const segment = roomFor(() => prepareSegment(slot, journalId, wanted!, free, maxBytes))
      for (const used of offered.filter((one) => !free.includes(one))) {
        reader.forget(used)
        drained.splice(
          drained.findIndex((one) => one.segment === used),
          1,
        )
      }
      wanted = undefined
      self.postMessage({ segment })
    } catch (error) {
      self.postMessage({ noRoom: (error as Error).message })
    }
  }

  /** Where there is none, journals of earlier processes go first that are drained, and only kept for a failover. */
  function roomFor<T>(work: () => T): T {
    for (;;)
      try {
        return work()
      } catch (error) {
        if (!isWantOfRoom(error)) throw error
        const own = [...dead.values()].filter(({ segments: [first] }) => dirname(first!.path) === slot)
        const [oldest] = own.sort((a, b) => a.drainedAt - b.drainedAt)
        if (!oldest) throw error
        removeJournal(oldest)
        dead.delete(oldest.id)
      }
  }

  /** Segments that are drained may be used again once they were kept long enough for a failover to show. */
  function release() {
    for (const segment of reader.passed())
      if (!drained.some((one) => one.segment === segment)) drained.push({ segment, at: Date.now() })
  }

  async function syncWritten() {
    const segment = Atomics.load(control, CONTROL.segment)
    const length = published(segment)
    const file = segments.find((one) => one.segment === segment)
    if (!file || (synced.segment === segment && synced.length === length)) return
    const previous = synced.segment !== segment ? segments.find((one) => one.segment === synced.segment) : undefined
    synced = { segment, length }
    for (const { path } of previous ? [previous, file] : [file]) {
      const descriptor = openSync(path, 'r+')
      try {
        await sync(descriptor)
      } catch (error) {
        report('error', { file: path, reason: (error as Error).message }, 'the click journal could not be synced')
      } finally {
        closeSync(descriptor)
      }
    }
  }

  /** What earlier processes left: of this slot, and of slots whose replica is gone. */
  async function adopt() {
    if (frozen) return
    try {
      await adoptFolder(slot, journalId)
      for (const folder of slotFolders(dataDir)) {
        if (folder === slot || stopAt !== undefined) continue
        const taken = lockSlot(folder)
        if (!taken) continue
        try {
          await adoptFolder(folder)
        } finally {
          taken.release()
        }
      }
    } catch {
      // The database is away, or somebody else was faster: the next look tries again.
    }
  }

  async function adoptFolder(folder: string, except?: string) {
    const before = state.adopted
    await drainFolder(database, folder, { state, report, except, dead })
    for (const journal of dead.values()) {
      if (Date.now() - journal.drainedAt < keep) continue
      removeJournal(journal)
      dead.delete(journal.id)
    }
    if (state.adopted > before) self.postMessage({ state })
  }
}

function report(level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, message: string) {
  self.postMessage({ log: { level, fields, message } })
}

const line = (level: 'info' | 'warn' | 'error') => (first: unknown, second?: string) => {
  const { err, ...fields } = (typeof first === 'object' ? first : {}) as { err?: Error }
  report(level, { ...fields, ...(err ? { reason: messageForLog(err) } : {}), worker: 'drain' }, second ?? String(first))
}

const workerLog = { info: line('info'), warn: line('warn'), error: line('error') } as unknown as Log
