// The change feed skips nothing, waits for nobody, and notices another database. On a real PostgreSQL, followed by a real edge copy.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { migrate } from '../src/database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../src/database/open.ts'
import { followChanges } from '../src/redirect/changes.ts'
import { openEdgeTier } from '../src/redirect/edge-tier.ts'
import type { Target } from '../src/redirect/target.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { randomFrom } from '../survive/random.ts'
import { wireTo } from '../survive/wire.ts'
import { quiet } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { printedSeed } from './seed.ts'
import { target } from './target.ts'
import { until } from './until.ts'

const external = Boolean(serverBinaries())
if (!external) console.warn('SKIPPED: the change feed (PostgreSQL is not installed)')

describe.skipIf(!external)('the change feed', () => {
  let cluster: Cluster
  const sessions: Sql[] = []
  const ends: (() => Promise<void>)[] = []
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
  })
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
    for (const sql of sessions) await sql.end()
    await cluster.end()
  })

  function session(url: string, max = 1) {
    const sql = postgres(url, { max, onnotice: () => {}, types: { bigint: postgres.BigInt } })
    sessions.push(sql)
    return sql
  }

  async function openOn(url: string): Promise<OpenDatabase> {
    const { log } = quiet()
    const database = await openDatabase(readConfig({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }, {}), log)
    ends.push(() => database.close())
    await new Promise<void>((up) => database.onUp(up))
    await migrate(database, log)
    return database
  }

  /** A replica's edge copy, and the feed that it follows. */
  function follow(database: OpenDatabase, folder = temporaryFolder(), log = quiet().log) {
    const edge = openEdgeTier({ folder, database, maxAge: 86_400_000, log })
    const applied: Target[] = []
    const follower = {
      ...edge,
      apply(targets: Target[], position?: Parameters<typeof edge.apply>[1]) {
        applied.push(...targets)
        edge.apply(targets, position)
      },
    }
    const changes = followChanges({ database, follower, log })
    let over = false
    const stop = async () => {
      if (over) return
      over = true
      await changes.stop()
      edge.close()
    }
    ends.push(stop)
    return { edge, changes, applied, stop, folder, built: () => until('the copy is built', () => changes.figures().polls > 0) }
  }

  /** Waits for `isSo`; returns how many polls it took. */
  async function obeyed({ changes }: ReturnType<typeof follow>, isSo: () => boolean) {
    const before = changes.figures().polls
    await until('the change is obeyed', isSo)
    return changes.figures().polls - before
  }

  async function expectEqual(sql: Sql, { edge }: ReturnType<typeof follow>) {
    const rows = await sql<Target[]>`
      select short_code as code, id::int, case when deleted_at is null then coalesce(location, original_url) end as location,
        is_active and deleted_at is null as active, version::int from urls order by id`
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.map(({ code }) => edge.get(code))).toEqual(rows.map((row) => target(row.code, row)))
  }

  test('takes changes that fill its chunks to the last row for what they are', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    const replica = follow(database)
    await replica.built()
    const { restarts } = replica.changes.figures()
    await sql`insert into urls (short_code, original_url) select 'n' || n, 'https://example.com/' from generate_series(1, 1000) n`
    await until('they are followed', () => replica.edge.get('n1000') !== undefined)
    await replica.changes.poll()
    expect(replica.changes.figures().restarts).toBe(restarts)
  })

  test('copies all links again where there are too many changes to read before a time-out', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) values ('first', 'https://example.com/')`
    const replica = follow(database)
    await replica.built()
    const { restarts } = replica.changes.figures()
    await Promise.all(
      Array.from({ length: 10 }, () =>
        database.run((pool) => pool.unsafe('set statement_timeout = 100; select pg_sleep(0.05)').simple()),
      ),
    )
    await sql`insert into urls (short_code, original_url) select 'n' || n, 'https://example.com/' from generate_series(1, 100007) n`
    await until('the copy is rebuilt', () => replica.changes.figures().restarts > restarts)
    await until('a change is followed again', () => replica.edge.get('n100007') !== undefined)
  })

  test('shows a change within two polls also without a notice, and at once with one', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) values ('one', 'https://example.com/1')`
    const replica = follow(database)
    await replica.built()
    for (let version = 2; version < 6; version++) {
      await sql`update urls set original_url = ${`https://example.com/${version}`} where short_code = 'one'`
      expect(await obeyed(replica, () => replica.edge.get('one')?.version === version)).toBeLessThanOrEqual(2)
    }
    const before = replica.changes.figures().polls
    const started = Date.now()
    for (let i = 0; i < 300; i++) {
      replica.changes.announce() // changes by the hundred make notices by the dozen
      await Bun.sleep(1)
    }
    await Bun.sleep(100)
    const polls = replica.changes.figures().polls - before
    const took = Date.now() - started
    expect(polls).toBeGreaterThan(took / 400 + 2)
    expect(polls).toBeLessThanOrEqual(took / 20 + 2)
    await replica.stop()
  })

  test('knows whether a change came by announcement or only by poll: the third time it logs that, and listens again', async () => {
    const url = await cluster.createDatabase()
    const wire = await wireTo(Number(new URL(url).port))
    ends.push(async () => wire.close())
    const database = await openOn(url.replace(/@[^/]+/, `@127.0.0.1:${wire.port}`))
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) select 'n' || i, 'https://example.com/' from generate_series(1, 20) i`
    const ring = createLogRing()
    const replica = follow(database, temporaryFolder(), createLog('fatal', ring, false))
    await replica.built()
    const lines = () => ring.read({ limit: 10, filter: 'announcements of changes' }).map(({ message }) => message)
    const found = () => replica.changes.figures().found
    const listening = () => sql<{ port: number }[]>`
      select client_port as port from pg_stat_activity where query ilike 'listen%' and datname = current_database()`
    await until('it listens', async () => (await listening()).length === 1)
    const { polls } = replica.changes.figures()
    await until('it caught up', () => replica.changes.figures().polls > polls + 2)

    await sql`insert into urls (short_code, original_url) values ('new', 'https://example.com/')`
    await sql`update urls set is_active = false where short_code in ('n1', 'n2')`
    replica.changes.announce()
    await until('it is told by a notice', () => found().notice === 2)
    expect(found()).toEqual({ notice: 2, poll: 0 }) // a new link is announced to nobody

    const [deaf] = await listening()
    wire.forget(wire.open().filter(({ link }) => link.far.localPort === deaf!.port)) // it stays open, and nothing arrives on it
    await Bun.sleep(1_100) // after which a notice is not about what is found
    for (let time = 1; time <= 3; time++) {
      await sql`update urls set is_active = not is_active where short_code not in ('n1', 'n2', 'new')`
      await until('it is told by the poll', () => found().poll === 18 * time)
      expect(lines().length).toBe(time < 3 ? 0 : 1)
      replica.changes.announce()
    }
    expect(lines()).toEqual(['announcements of changes do not arrive: the poll finds changes up to 400 ms later'])
    await until('notices arrive', () => {
      replica.changes.announce()
      return lines().length === 2
    })
    expect(found()).toEqual({ notice: 2, poll: 54 })
    await replica.stop()
  })

  test('does not count changes during an outage as found by poll: no announcement was possible', async () => {
    const url = await cluster.createDatabase()
    const wire = await wireTo(Number(new URL(url).port))
    ends.push(async () => wire.close())
    const database = await openOn(url.replace(/@[^/]+/, `@127.0.0.1:${wire.port}`))
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) select code, 'https://example.com/' from unnest(array['one', 'two', 'three']) code`
    const replica = follow(database)
    await replica.built()
    const listening = async () => {
      const sessions = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity where query ilike 'listen%' and datname = current_database()`
      if (sessions.length !== 1) throw new Error(`${sessions.length} sessions listen`)
      return sessions[0]!.pid
    }
    await until('it listens', listening)
    const before = await listening()
    wire.cut()
    await until('the breaker is open', () => database.state() === 'down')
    await sql`update urls set is_active = false where short_code = 'one'`
    await sql`select pg_notify('waypost_changes', '')`
    wire.giveUp(wire.open())
    wire.heal()
    await until('the change is obeyed', () => replica.edge.get('one')?.active === false)
    await until('it listens again', async () => (await listening()) !== before)
    const { polls } = replica.changes.figures()
    await until('it caught up', () => replica.changes.figures().polls > polls + 2)
    await sql`update urls set is_active = false where short_code <> 'one'`
    await until('what changes from then on counts, and nothing else', () => replica.changes.figures().found.poll === 2)
    expect(replica.changes.figures().found.notice).toBe(0)
    await replica.stop()
  })

  test('listens again after an outage, and continues from its cursor: nothing is copied again', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) values ('one', 'https://example.com/1')`
    const replica = follow(database)
    await replica.built()
    const { restarts } = replica.changes.figures()
    await cluster.control!.stop('fast')
    await until('the breaker is open', () => database.state() === 'down')
    await Bun.sleep(1_500)
    expect(replica.edge.get('one')?.location).toBe('https://example.com/1')
    await cluster.control!.start()
    await session(url)`update urls set is_active = false where short_code = 'one'`
    await until('the change is obeyed', () => replica.edge.get('one')?.active === false)
    expect(replica.changes.figures().restarts).toBe(restarts)
    await Bun.sleep(300)
    const listening = await session(
      url,
    )`select 1 from pg_stat_activity where query ilike 'listen%' and datname = current_database()`
    expect(listening.length).toBe(1)
    await replica.stop()
  })

  test('shows a transaction that began before others and ends after them, without waiting', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const [slow, fast] = [session(url), session(url)]
    await fast`insert into urls (short_code, original_url) select 'c' || i, 'https://example.com/' from generate_series(1, 100) i`
    const replica = follow(database)
    await replica.built()
    const commit = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    const long = slow.begin(async (tx) => {
      await tx`update urls set is_active = false where short_code = 'c1'`
      await tx`insert into urls (short_code, original_url) values ('late', 'https://example.com/late')`
      began.resolve()
      await commit.promise
    })
    await began.promise
    for (let i = 2; i <= 20; i++) {
      await fast`update urls set is_active = false where short_code = ${`c${i}`}`
      await Bun.sleep(30)
    }
    await until('19 changes are obeyed', () =>
      Array.from({ length: 19 }, (_, i) => `c${i + 2}`).every((code) => !replica.edge.get(code)?.active),
    )
    expect([replica.edge.get('c1')?.active, replica.edge.get('late')]).toEqual([true, undefined])
    commit.resolve()
    await long
    expect(
      await obeyed(replica, () => replica.edge.get('c1')?.active === false && replica.edge.get('late') !== undefined),
    ).toBeLessThanOrEqual(2)
    await expectEqual(fast, replica)
    await replica.stop()
  })

  test('skips nothing of what many write at a time, in transactions long and short, committed and taken back', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url, 17)
    await sql`insert into urls (short_code, original_url) select 'c' || i, 'https://example.com/' from generate_series(1, 400) i`
    const replicas = [follow(database), follow(database)]
    for (const replica of replicas) await replica.built()
    const { whole } = randomFrom(printedSeed('changes'))
    const pick = (below: number) => whole(0, below - 1)
    let made = 0
    const statements = async (tx: Sql, count: number) => {
      const codes = Array.from({ length: count }, () => `c${1 + pick(400)}`).sort(
        (a, b) => Number(a.slice(1)) - Number(b.slice(1)),
      )
      for (const code of codes) {
        const what = pick(5)
        if (what === 0)
          await tx`insert into urls (short_code, original_url) values (${`new${++made}`}, 'https://example.com/new')`
        else if (what === 1) await tx`update urls set is_active = not is_active where short_code = ${code}`
        else if (what === 2)
          await tx`update urls set deleted_at = now(), original_url = null, location = null where short_code = ${code} and ${pick(4)} = 0`
        else if (what === 3) await tx`update urls set title = 'nothing that a redirect needs' where short_code = ${code}`
        else
          await tx`update urls set original_url = ${`https://example.com/${pick(1e6)}`} where short_code = ${code} and deleted_at is null`
        if (pick(3) === 0) await Bun.sleep(pick(12))
      }
    }
    let rolledBack = 0
    const enough = () => made > 150 && rolledBack > 30 && replicas.every(({ applied }) => applied.length > 1_000)
    const writer = async (long: boolean) => {
      while (!enough()) {
        await sql
          .begin(async (tx) => {
            await statements(tx as unknown as Sql, 1 + pick(long ? 40 : 4))
            if (pick(5) === 0) throw new Error('taken back')
          })
          .catch((error) => {
            if (error.message !== 'taken back' && error.code !== '40P01') throw error
            rolledBack++
          })
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, i) => writer(i < 4)))
    for (const replica of replicas) {
      await replica.changes.poll()
      await replica.changes.poll()
      expect(replica.changes.figures().restarts).toBe(1)
      await expectEqual(sql, replica)
      await replica.stop()
    }
  })

  // A transaction that was taken back is not flushed before it is seen: a crash forgets it, and its number is given out again.
  test('shows a change whose transaction has the number of one that a crash forgot', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) values ('one', 'https://example.com/1')`
    await sql`alter system set wal_writer_delay = '10s'`
    await sql`select pg_reload_conf()`
    const replica = follow(database)
    await replica.built()
    await Bun.sleep(500)
    for (let i = 0; i < 20; i++)
      await sql
        .begin(async (tx) => {
          await tx`select pg_current_xact_id()`
          throw new Error('taken back')
        })
        .catch(() => {})
    await replica.changes.poll()
    await replica.changes.poll()
    await cluster.control!.stop('immediate')
    await cluster.control!.start()
    const after = session(url)
    await after`alter system reset wal_writer_delay`
    await after`select pg_reload_conf()`
    await after`update urls set is_active = false where short_code = 'one'`
    try {
      await until('the change is obeyed', () => replica.edge.get('one')?.active === false)
    } finally {
      await replica.stop()
    }
  })

  test('continues from its cursor after a start, and keeps its position even without changes', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) select 'c' || i, 'https://example.com/' from generate_series(1, 50) i`
    const first = follow(database)
    await first.built()
    const at = first.edge.position()!.at
    await first.stop()
    await sql`update urls set is_active = false where short_code in ('c7', 'c8')`
    const second = follow(database, first.folder)
    await second.built()
    expect(second.changes.figures()).toMatchObject({ restarts: 0, applied: 2 })
    await expectEqual(sql, second)
    await second.stop()
    const third = follow(database, first.folder)
    await third.built()
    expect(third.applied).toEqual([])
    expect(third.edge.position()!.at).toBeGreaterThan(at)
    const { at: before } = third.edge.position()!
    await until('the position is kept again', () => third.edge.position()!.at > before)
    await third.stop()
  })

  test('ignores an old version, wherever it comes from', async () => {
    const url = await cluster.createDatabase()
    const database = await openOn(url)
    const sql = session(url)
    await sql`insert into urls (short_code, original_url) values ('one', 'https://example.com/1')`
    const replica = follow(database)
    await replica.built()
    const old = replica.edge.get('one')!
    await sql`update urls set original_url = 'https://example.com/2' where short_code = 'one'`
    await obeyed(replica, () => replica.edge.get('one')?.version === 2)
    replica.edge.apply([old])
    expect(replica.edge.get('one')?.location).toBe('https://example.com/2')
    await replica.stop()
  })
})
