// The members of the fleet: every replica writes a heartbeat to the database each second, and counts as lost without one for three.
import type { OpenDatabase } from '../database/open.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Clock } from './clock.ts'
import { createBeatTimes } from './overdue.ts'
import type { Row } from './row.ts'
import type { Replica } from './schema.ts'
import { replicaStore } from './store.ts'

const EVERY = 1_000
const REPORTED_WITHIN = 2_500 // without a heartbeat for longer, the database cannot tell who is alive
const LOST_AFTER = 3_000
const REPLACED_WITHIN = 10_000 // supervisors restart killed replicas, so give them this long to reappear
const GONE_AFTER = 600_000 // lost for longer, a replica is not queried any more
const FORGET_EVERY = 60

export type Members = ReturnType<typeof followMembers>

/** performance.now() when it was last known to be alive: `beatAt` by the database, `heardAt` also by its own answers. */
export type Member = Row & { beatAt: number; heardAt: number }

type Options = {
  database: OpenDatabase
  /** The current state of this replica. */
  self: () => Replica
  /** The identity of its slot, placeOf its folder. */
  place: string
  /** Gets the database's time with each heartbeat. */
  clock: Clock
  log: Log
}

/** Starts the heartbeat. A replica that has the embedded database for itself needs none. */
export function followMembers({ database, self, place, clock, log }: Options) {
  const store = replicaStore(database)
  const { alone } = database
  const beatTimes = createBeatTimes(EVERY)
  let others: Member[] = []
  let odd = new Set<string>() // ids of invalid rows that were reported
  let beats = 0
  let firstBeat: number | undefined
  let lastBeat = Number.NEGATIVE_INFINITY
  let beating: Promise<void> | undefined
  let failing = false
  let stopped = false

  /** One at a time: a slow database delays only the next heartbeat. */
  async function beat() {
    if (database.state() !== 'up' || self().url === null) return beatTimes.rests() // before the port is open, nobody could query it
    try {
      if (firstBeat === undefined) await store.inherit(self().id, place)
      const asked = performance.now()
      beatTimes.begins()
      const { clock: time, others: rows, odd: passedOver } = await store.beat(self(), place)
      beatTimes.ends(true)
      clock.learn(time, asked)
      for (const { id, reason } of passedOver)
        if (!odd.has(id))
          log.warn({ replica: id, reason }, 'a row of the table replicas is ignored: it was not written by a replica')
      odd = new Set(passedOver.map(({ id }) => id))
      const known = new Map(others.map((other) => [other.id, other]))
      const wasAway = asked - lastBeat > REPORTED_WITHIN
      others = rows.map((row) => {
        const before = known.get(row.id) ?? { beatAt: Number.NEGATIVE_INFINITY, heardAt: Number.NEGATIVE_INFINITY }
        // A replica that was alive when the database went away gets a full grace period to report again.
        const since = (last: number) => Math.max(asked - row.age, wasAway && last > lastBeat - LOST_AFTER ? asked : last)
        return { ...row, beatAt: since(before.beatAt), heardAt: since(before.heardAt) }
      })
      firstBeat ??= asked
      lastBeat = asked
      if (beats++ % FORGET_EVERY === 0) await store.forget()
      failing = false
    } catch (error) {
      beatTimes.ends(false)
      const preparing = isSchemaMissing(error)
      if (!failing && !preparing && database.state() === 'up')
        log.warn({ err: error }, 'the heartbeat of this replica failed; it is retried each second')
      failing = !preparing
    }
  }

  function tick() {
    if (alone || stopped) return
    beating ??= beat().finally(() => {
      beating = undefined
    })
  }
  database.onUp(tick)
  const timer = setInterval(tick, EVERY)

  const silent = ({ heardAt }: Member) => performance.now() - heardAt > LOST_AFTER

  return {
    self,
    /** ms that the heartbeat takes at the database: the fastest of the last three. 0 if there is none. */
    beatTook: () => (database.state() === 'up' ? beatTimes.took() : 0),
    /** Reports the state of this replica at once. */
    report: tick,
    /** This replica first, then the others by host and slot. With the database unreachable, those last known. */
    list(): Replica[] {
      const known = others.map((other): Replica => {
        const { age: _, beatAt: __, heardAt, ...replica } = other
        const seen = new Date(clock.now() - (performance.now() - heardAt)).toISOString()
        return { ...replica, seen_at: seen, state: silent(other) ? 'lost' : replica.state }
      })
      known.sort((a, b) => a.hostname.localeCompare(b.hostname) || a.slot - b.slot || a.id.localeCompare(b.id))
      return [self(), ...known]
    },
    /** The others, lost ones too, except those lost for ten minutes as of the last heartbeat. */
    others: (): readonly Member[] => others.filter(({ heardAt }) => lastBeat - heardAt < GONE_AFTER),
    /**
     * Replicas that have missed heartbeats for 10 s and were not replaced, as of the last heartbeat. A replica counts until it returns, is replaced in its
     * slot, or its row is a day old.
     */
    missed: () =>
      lastBeat - (firstBeat ?? lastBeat) < REPLACED_WITHIN
        ? 0
        : others.filter(({ beatAt }) => lastBeat - beatAt > REPLACED_WITHIN).length,
    /** Another replica; undefined for an unknown id. */
    find: (id: string): Member | undefined => others.find((other) => other.id === id),
    /** Whether the database can tell who is alive, or this is the only replica. */
    hasReported: () => alone || performance.now() - lastBeat < REPORTED_WITHIN,
    /** Records that a replica answered: it is alive, whatever the database knows. */
    noteSign(id: string, news: { state?: string; rate?: number } = {}) {
      const other = others.find((one) => one.id === id)
      if (other) Object.assign(other, news, { heardAt: performance.now() })
    },
    /** Removes this replica from the fleet. */
    async stop() {
      stopped = true
      clearInterval(timer)
      await beating
      if (!alone && database.state() === 'up') await store.leave(self().id).catch(() => {})
    },
  }
}
