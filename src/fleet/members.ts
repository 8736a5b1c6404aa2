// Who belongs to the fleet: every replica says so in the database each second, and one that gave no sign of life for four is lost.
import type { OpenDatabase } from '../database/connect.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Clock } from './clock.ts'
import { createPace } from './pace.ts'
import { placeOf } from './place.ts'
import type { Replica } from './schema.ts'
import { type Row, replicaStore } from './store.ts'

const EVERY = 1_000
const TOLD_WITHIN = 2_500 // without a beat for longer, the database does not tell who is alive
const LOST_AFTER = 3_000
const REPLACED_WITHIN = 10_000 // who is killed is started again by its supervisor, and so are all after a machine’s restart
const GONE_AFTER = 600_000 // lost for longer, it is not asked any more
const FORGET_EVERY = 60

export type Members = ReturnType<typeof followMembers>

/** performance.now() of when it was last known to be alive: `said` by the database, `heard` by an answer of its own, too. */
export type Member = Row & { said: number; heard: number }

type Options = {
  database: OpenDatabase
  /** How this replica is now. */
  self: () => Replica
  /** The slot's folder. */
  folder: string
  /** Told what time it is at the database. */
  clock: Clock
  log: Log
}

/** Begins to beat. Beside the embedded database there is one replica, and nothing to say. */
export function followMembers({ database, self, folder, clock, log }: Options) {
  const store = replicaStore(database)
  const place = placeOf(folder)
  const alone = database.address.kind === 'embedded'
  const pace = createPace(EVERY)
  let others: Member[] = []
  let beats = 0
  let firstBeat: number | undefined
  let lastBeat = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined
  let failing = false
  let stopped = false

  /** One at a time: a slow database delays the next beat, and nothing else. */
  async function beat() {
    if (database.state() !== 'up' || self().url === null) return pace.rests() // before the port is open, nobody could ask it anything
    try {
      if (firstBeat === undefined) await store.inherit(self().id, place)
      const asked = performance.now()
      pace.begins()
      const { clock: time, others: rows } = await store.beat(self(), place)
      pace.ends(true)
      clock.told(time, asked)
      const known = new Map(others.map((other) => [other.id, other]))
      const wasAway = asked - lastBeat > TOLD_WITHIN
      others = rows.map((row) => {
        const before = known.get(row.id) ?? { said: Number.NEGATIVE_INFINITY, heard: Number.NEGATIVE_INFINITY }
        // Who was alive when the database went has as long as ever to say so again.
        const since = (last: number) => Math.max(asked - row.age, wasAway && last > lastBeat - LOST_AFTER ? asked : last)
        return { ...row, said: since(before.said), heard: since(before.heard) }
      })
      firstBeat ??= asked
      lastBeat = asked
      if (beats++ % FORGET_EVERY === 0) await store.forget()
      failing = false
    } catch (error) {
      pace.ends(false)
      const preparing = (error as { code?: string }).code === '42P01' // the schema is being made
      if (!failing && !preparing && database.state() === 'up')
        log.warn({ err: error }, 'this replica could not say that it is alive; it is tried again each second')
      failing = !preparing
    }
  }

  function tick() {
    if (alone || stopped) return
    underWay ??= beat().finally(() => {
      underWay = undefined
    })
  }
  database.onUp(tick)
  const timer = setInterval(tick, EVERY)

  const silent = ({ heard }: Member) => performance.now() - heard > LOST_AFTER

  return {
    self,
    /** ms that the database takes for this replica's sign of life: at least so many in each of the last three. 0 where none is made. */
    beatTook: () => (database.state() === 'up' ? pace.took() : 0),
    /** Says at once how this replica is now. */
    say: tick,
    /** This replica first, then the others by host and slot. With the database away, those last known. */
    list(): Replica[] {
      const known = others.map((other): Replica => {
        const { age: _, said: __, heard, ...replica } = other
        const seen = new Date(clock.now() - (performance.now() - heard)).toISOString()
        return { ...replica, seen_at: seen, state: silent(other) ? 'lost' : replica.state }
      })
      known.sort((a, b) => a.hostname.localeCompare(b.hostname) || a.slot - b.slot || a.id.localeCompare(b.id))
      return [self(), ...known]
    },
    /** The others, lost ones too, but not those that had been lost for ten minutes when the database last told. */
    others: (): readonly Member[] => others.filter(({ heard }) => lastBeat - heard < GONE_AFTER),
    /**
     * How many said nothing to the database and had nobody in their place for ten seconds, when it last told; until they are back, or forgotten
     * after a day. Who starts where one of them ran takes its row away.
     */
    missed: () =>
      lastBeat - (firstBeat ?? lastBeat) < REPLACED_WITHIN
        ? 0
        : others.filter(({ said }) => lastBeat - said > REPLACED_WITHIN).length,
    /** Another replica; undefined where there is none of this id. */
    find: (id: string): Member | undefined => others.find((other) => other.id === id),
    /** Whether the database tells who is alive, or this is the only replica. */
    told: () => alone || performance.now() - lastBeat < TOLD_WITHIN,
    /** A replica answered by itself: it is alive, whatever the database knows. */
    heard(id: string, news: { state?: string; rate?: number } = {}) {
      const other = others.find((one) => one.id === id)
      if (other) Object.assign(other, news, { heard: performance.now() })
    },
    /** Says that this replica is gone. */
    async stop() {
      stopped = true
      clearInterval(timer)
      await underWay
      if (!alone && database.state() === 'up') await store.leave(self().id).catch(() => {})
    },
  }
}
