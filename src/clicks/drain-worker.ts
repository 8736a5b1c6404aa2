// The recorder's worker thread: prepares segments, syncs what is written, drains the live journal, and adopts those of ended processes.

import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { Database } from '../database/guard.ts'
import { openPool } from '../database/pool.ts'
import { CONTROL } from '../journal/journal.ts'
import { openReader } from '../journal/journal-reader.ts'
import { journalsIn, type SegmentFile, segmentPath, sizeOfSegment } from '../journal/segments.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import type { Log } from '../telemetry/logs.ts'
import { adoption } from './adoption.ts'
import type { DeadJournal } from './dead-journals.ts'
import type { DrainStart, FromDrain, ToDrain } from './drain-messages.ts'
import { newState } from './drain-state.ts'
import { batchPortion, journalDrain } from './journal-drain.ts'
import { segmentSupply } from './segment-supply.ts'
import { segmentSync } from './segment-sync.ts'

declare const self: Worker & { postMessage(message: FromDrain): void }

const IDLE_LOOK = 1_000
// While clicks keep coming, they are collected for a moment: storing 1,000 together costs a quarter of storing them in tens, and at 80 a second,
// storing each separately took a quarter of a core.
const GATHER = 50
const SYNC_EVERY = 200 // what a power failure may lose
const ALIGN_EVERY = 5_000
const ADOPT_EVERY = 10_000

let receive: (message: Exclude<ToDrain, { start: DrainStart } | { probe: true }>) => void = () => {}

// As in commands/serve.ts: a connection that fails while it opens must not end this worker.
process.on('unhandledRejection', (error) => workerLog.error({ err: error as Error }, 'an error that nobody waited for'))

const begun = Promise.withResolvers<void>()

self.onmessage = ({ data }: MessageEvent<ToDrain>) => {
  if ('start' in data) void start(data.start)
  else if ('probe' in data) begun.resolve()
  else receive(data)
}

/** Redirects come first: the drain runs at low priority. Only Linux sets it per thread; elsewhere this has no effect. */
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
  const database: Database = openPool(address, 2, workerLog, { begun: begun.promise })
  const segments: SegmentFile[] = (await journalsIn(slot, { except: journalId })).journals.get(journalId) ?? []
  const published = (segment: number) => Atomics.load(control, CONTROL.committed + (segment % CONTROL.RING)) << 3
  const reader = openReader(journalId, segments, published)
  const live = journalDrain(database, {
    id: journalId,
    reader,
    startedAt,
    state,
    report,
    portion: batchPortion(),
    hold: whileFrozen,
  })
  let stopAt: number | undefined
  let frozen = false
  let wake = () => {}
  let adopting = Promise.resolve()
  const dead = new Map<string, DeadJournal>()
  const post = (message: FromDrain) => self.postMessage(message)
  const supply = segmentSupply({ slot, journalId, keep, maxBytes, reader, dead, post }, want)
  const current = () => Atomics.load(control, CONTROL.segment)
  const syncWritten = segmentSync({ segments, current, published, report })
  const earlier = adoption({
    ...{ database, slot, dataDir, journalId, keep, state, dead, report },
    changed: () => post({ state }),
    isStopping: () => stopAt !== undefined,
  })
  let damagedBefore = 0

  receive = (message) => {
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
      supply.want(message.want)
    } else if ('stop' in message) {
      stopAt = Date.now() + message.stop
      begun.resolve()
    } else if ('faults' in message) {
      frozen = message.faults.frozen
      database.pretendUnreachable(message.faults.away)
    }
    wake()
  }

  supply.prepare()
  const timers = [
    setInterval(supply.prepare, 1_000),
    setInterval(syncWritten, SYNC_EVERY),
    setInterval(() => void (adopting = adopting.then(adopt)), ADOPT_EVERY),
  ]
  database.onUp(() => void (adopting = adopting.then(adopt))) // at the start, and when the database is back or changed servers
  await run()
  timers.forEach(clearInterval)
  await syncWritten()
  await adopting
  reader.close()
  await database.close()
  self.postMessage({ stopped: true })

  /** Drains the live journal until told to stop, and then the rest of it. */
  async function run() {
    await begun.promise
    let aligned = Date.now()
    for (;;) {
      try {
        const count = await live.step(() => self.postMessage({ state }))
        reportDamage()
        if (state.failing) self.postMessage({ state: Object.assign(state, { failing: false }) })
        if (count > 0) {
          self.postMessage({ state })
          supply.release()
          await pause(GATHER)
        } else if (stopAt !== undefined) return
        else {
          await idle()
          if (Date.now() - aligned > ALIGN_EVERY) {
            await live.align() // detects a failover by its older watermark, even without clicks
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
    if (frozen) self.postMessage({ state }) // reports the age of the oldest click
    while (frozen && stopAt === undefined) await pause(IDLE_LOOK)
  }

  /** Waits `ms`, or until it is woken. */
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
      const last = segments.at(-1)
      if (last && (last.segment !== current() || reader.position() < published(current()))) wake() // written before the flag was set
    })
  }

  /** Reports damage in the live journal, which is skipped; the segment is kept, and never reused. */
  function reportDamage() {
    const damaged = reader.damaged()
    if (damaged.length === damagedBefore) return
    for (const { path } of damaged.slice(damagedBefore))
      report('error', { file: path }, 'damage in the click journal was skipped: the file is kept')
    damagedBefore = damaged.length
    countUnread()
  }

  function countUnread() {
    state.unread = reader.damaged().length + earlier.unread()
    self.postMessage({ state })
  }

  async function adopt() {
    if (frozen) return
    await earlier.adopt()
    countUnread()
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
