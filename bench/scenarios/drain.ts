import postgres from 'postgres'
import { batchOf } from '../../src/clicks/batch.ts'
import { drainFolder } from '../../src/clicks/dead-journals.ts'
import { learn } from '../../src/clicks/dictionary.ts'
import { newState } from '../../src/clicks/drain-state.ts'
import { parametersOf, storeStatement } from '../../src/clicks/store.ts'
import { externalAddress } from '../../src/database/address.ts'
import { openPool } from '../../src/database/pool.ts'
import { controlBlock, openJournal } from '../../src/journal/journal.ts'
import { prepareSegment } from '../../src/journal/segments.ts'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'
import { type Result, round } from '../compare.ts'
import { SHORT } from '../load.ts'
import { fillLinks } from '../product.ts'
import { watched } from '../quiet.ts'
import { startDatabase, startWaypost, temporaryFolder } from '../servers.ts'

type Kind = { clicks: number; links: number; batch: number; goal: number }

/** Clicks of few links, of some, and each of another link. */
const FEW: Kind = { clicks: SHORT ? 50_000 : 1_000_000, links: 2_000, batch: SHORT ? 25_000 : 50_000, goal: 90_000 }
const TAIL: Kind = { clicks: 60_000, links: 60_000, batch: 30_000, goal: 30_000 }
const NARROW = 120 // bytes, of a click with its indexes
const AGENTS = Array.from(
  { length: 50 },
  (_, i) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${80 + i}.0.0.0 Safari/537.36`,
)

/** Backlogs of clicks, each against one SQL session that writes the same rows from lists it has ready; and the size of a click. */
export async function drain(): Promise<Result> {
  const [few, tail] = [await drained(FEW), await drained(TAIL)]
  const named = ({ clicks, links }: Kind) => `${clicks.toLocaleString('en')} clicks of ${links.toLocaleString('en')} links`
  return {
    scenario: 'drain',
    about: `${named(FEW)} in a journal, then ${named(TAIL)}; batches of ${FEW.batch.toLocaleString('en')} and ${TAIL.batch.toLocaleString('en')}. The floor sends the same rows, made ready before its clock starts.`,
    rows: [
      { name: 'one SQL session', figures: { 'clicks per second': Math.round(few.floor) } },
      { name: 'journal to database', figures: { 'clicks per second': Math.round(few.rate) } },
      { name: `one SQL session, ${named(TAIL)}`, figures: { 'clicks per second': Math.round(tail.floor) } },
      { name: `journal to database, ${named(TAIL)}`, figures: { 'clicks per second': Math.round(tail.rate) } },
      { name: 'CPU of the drain, µs a click', figures: { 'clicks per second': round(few.cost) } },
      { name: `CPU of the drain, µs a click, ${named(TAIL)}`, figures: { 'clicks per second': round(tail.cost) } },
      { name: 'a click in PostgreSQL with its indexes, bytes', figures: { 'clicks per second': round(few.bytes, 0) } },
    ],
    ratios: [
      { name: 'drain / SQL session', value: few.rate / few.floor, goal: 0.7 },
      { name: 'drain / SQL session, each click of another link', value: tail.rate / tail.floor, goal: 0.7 },
      { name: 'clicks per second', value: round(few.rate, 0), goal: FEW.goal },
      { name: 'clicks per second, each of another link', value: round(tail.rate, 0), goal: TAIL.goal },
      { name: 'µs of the drain a click', value: few.cost, goal: 3, atMost: true },
      { name: 'bytes of a click', value: few.bytes, goal: NARROW, atMost: true },
    ],
    checks: [few.check, tail.check],
  }
}

async function drained({ clicks, links, batch }: Kind) {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  await fillLinks(database.url, links)
  await waypost.stop()
  const folder = temporaryFolder()
  const pool = openPool(externalAddress({ DATABASE_URL: database.url }), 2, createLog('fatal', createLogRing(), false))
  const sql = postgres(database.url, { max: 1 })
  try {
    await writeJournal(folder, clicks, links)
    const floor = await floorRate(sql, batch, links)
    const state = newState()
    const began = process.cpuUsage()
    const started = performance.now()
    await watched(() => drainFolder(pool, folder, { state, report: () => {}, dead: new Map() }))
    const rate = state.adopted / ((performance.now() - started) / 1000)
    const { user, system } = process.cpuUsage(began)
    const [row] = await sql`
      select coalesce(sum(clicks), 0)::float8 as totals, (select count(*)::float8 from clicks) as rows,
        (select sum(pg_total_relation_size(c.oid))::float8 from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'clicks'::regclass) as bytes
      from link_totals`
    const sent = clicks + FLOOR_BATCHES * batch
    return {
      floor,
      rate,
      cost: (user + system) / state.adopted,
      bytes: row!.bytes / row!.rows,
      check: {
        name: `every one of ${clicks.toLocaleString('en')} clicks is stored once`,
        held: state.adopted === clicks && row!.totals === sent && row!.rows === sent,
        found: `${state.adopted} of ${clicks}`,
      },
    }
  } finally {
    await sql.end()
    await pool.close()
    await database.end()
  }
}

const clickOf = (n: number, links: number) => ({
  sequence: n,
  linkId: 1 + ((n * 7919) % links),
  time: Date.now(),
  referrer: n % 3 === 0 ? `site${n % 97}.example` : '',
  userAgent: AGENTS[n % AGENTS.length]!,
  address: `203.0.${n % 113}.0`,
})

async function writeJournal(folder: string, clicks: number, links: number) {
  const id = Bun.randomUUIDv7()
  const journal = openJournal(
    id,
    controlBlock(),
    () => {},
    (next) => queueMicrotask(() => journal.offer(prepareSegment(folder, id, next, [], 2 ** 40))),
  )
  journal.offer(prepareSegment(folder, id, 0, [], 2 ** 40))
  for (let n = 1; n <= clicks; n++) {
    const { linkId, time, referrer, userAgent, address } = clickOf(n, links)
    if (!journal.append(linkId, time, referrer, userAgent, address)) throw new Error('the journal is full')
    if (n % 1_000 === 0) await Bun.sleep(0)
  }
  journal.close()
}

const FLOOR_BATCHES = 6

/** Clicks a second of one session that sends the statement with lists that are ready. */
async function floorRate(sql: postgres.Sql, size: number, links: number): Promise<number> {
  const id = Bun.randomUUIDv7()
  await sql`insert into journals (journal_id) values (${id})`
  let seconds = 0
  for (let batch = 0; batch < FLOOR_BATCHES; batch++) {
    const clicks = Array.from({ length: size }, (_, i) => clickOf(batch * size + i + 1, links))
    const rows = batchOf(clicks, (time) => time)
    await learn(sql as never, rows) // nothing is stored before its agents and referrers are known
    const parameters = parametersOf({ journal: id, before: batch * size, after: (batch + 1) * size }, rows)
    const started = performance.now()
    await sql.unsafe(storeStatement, parameters, { prepare: true })
    seconds += (performance.now() - started) / 1000
  }
  return (FLOOR_BATCHES * size) / seconds
}
