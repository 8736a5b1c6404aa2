import postgres from 'postgres'
import { batchOf } from '../../src/clicks/batch.ts'
import { drainFolder } from '../../src/clicks/dead-journals.ts'
import { newState } from '../../src/clicks/drain-state.ts'
import { parametersOf, storeStatement } from '../../src/clicks/store.ts'
import { externalAddress } from '../../src/database/address.ts'
import { openPool } from '../../src/database/pool.ts'
import { controlBlock, openJournal } from '../../src/journal/journal.ts'
import { prepareSegment } from '../../src/journal/segments.ts'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'
import { type Result, round } from '../compare.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, startWaypost, temporaryFolder } from '../servers.ts'

const CLICKS = 1_000_000
const LINKS = 2_000
const BATCH = 50_000
const AGENTS = Array.from(
  { length: 50 },
  (_, i) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${80 + i}.0.0.0 Safari/537.36`,
)

/** A backlog of 1,000,000 clicks of 2,000 links, against one SQL session that writes the same rows from lists it has ready. */
export async function drain(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url })
  await fillLinks(database.url, LINKS)
  await waypost.stop()
  const folder = temporaryFolder()
  const pool = openPool(externalAddress({ DATABASE_URL: database.url }), 2, createLog('fatal', createLogRing(), false))
  const sql = postgres(database.url, { max: 1 })
  try {
    await writeJournal(folder)
    const floor = await floorRate(sql)
    const state = newState()
    const started = performance.now()
    await drainFolder(pool, folder, { state, report: () => {}, dead: new Map() })
    const rate = state.adopted / ((performance.now() - started) / 1000)
    const [row] =
      await sql`select sum(clicks)::bigint as clicks, (select count(*) from events where event_type = 'click') as events from link_totals`
    return {
      scenario: 'drain',
      about: `${CLICKS.toLocaleString('en')} clicks of ${LINKS.toLocaleString('en')} links in a journal; batches of ${BATCH.toLocaleString('en')}. The floor sends the same rows, made ready before its clock starts.`,
      rows: [
        { name: 'one SQL session', figures: { 'clicks per second': Math.round(floor) } },
        { name: 'journal to database', figures: { 'clicks per second': Math.round(rate) } },
      ],
      ratios: [
        { name: 'drain / SQL session', value: rate / floor, goal: 0.7 },
        { name: 'clicks per second', value: round(rate, 0), goal: 40_000 },
      ],
      checks: [
        {
          name: 'every click is stored once',
          held:
            state.adopted === CLICKS &&
            Number(row!.clicks) === CLICKS + FLOOR_BATCHES * BATCH &&
            Number(row!.events) === CLICKS + FLOOR_BATCHES * BATCH,
          found: `${state.adopted} of ${CLICKS}`,
        },
      ],
    }
  } finally {
    await sql.end()
    await pool.close()
    await database.end()
  }
}

const clickOf = (n: number) => ({
  sequence: n,
  linkId: 1 + ((n * 7919) % LINKS),
  time: Date.now(),
  referrer: n % 3 === 0 ? `site${n % 97}.example` : '',
  userAgent: AGENTS[n % AGENTS.length]!,
  address: `203.0.${n % 113}.0`,
})

async function writeJournal(folder: string) {
  const id = Bun.randomUUIDv7()
  const journal = openJournal(
    id,
    controlBlock(),
    () => {},
    (next) => queueMicrotask(() => journal.offer(prepareSegment(folder, id, next, [], 2 ** 40))),
  )
  journal.offer(prepareSegment(folder, id, 0, [], 2 ** 40))
  for (let n = 1; n <= CLICKS; n++) {
    const { linkId, time, referrer, userAgent, address } = clickOf(n)
    if (!journal.append(linkId, time, referrer, userAgent, address)) throw new Error('the journal is full')
    if (n % 1_000 === 0) await Bun.sleep(0)
  }
  journal.close()
}

const FLOOR_BATCHES = 6

/** Clicks a second of one session that sends the statement with lists that are ready. */
async function floorRate(sql: postgres.Sql): Promise<number> {
  const id = Bun.randomUUIDv7()
  await sql`insert into journals (journal_id) values (${id})`
  let seconds = 0
  for (let batch = 0; batch < FLOOR_BATCHES; batch++) {
    const clicks = Array.from({ length: BATCH }, (_, i) => clickOf(batch * BATCH + i + 1))
    const parameters = parametersOf(
      { journal: id, before: batch * BATCH, after: (batch + 1) * BATCH },
      batchOf(clicks, (time) => time),
    )
    const started = performance.now()
    await sql.unsafe(storeStatement, parameters, { prepare: true })
    seconds += (performance.now() - started) / 1000
  }
  return (FLOOR_BATCHES * BATCH) / seconds
}
