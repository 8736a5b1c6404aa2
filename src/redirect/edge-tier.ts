// The edge copy as a follower of the change feed: kept in step by chunks, built anew in a worker when the database is another.
import { join } from 'node:path'
import type { Pool } from '../database/connect.ts'
import type { Database } from '../database/guard.ts'
import { workerFile } from '../executable.ts'
import type { Log } from '../telemetry/logs.ts'
import { type EdgeCopy, openEdgeCopy } from './edge-copy.ts'
import type { Build, Built } from './edge-worker.ts'
import type { Position } from './position.ts'
import type { Target } from './target.ts'

export type EdgeTier = {
  get: (code: string) => Target | undefined
  /** The same of a copy that is being replaced by another database's: for when that one cannot be asked. */
  getOld: (code: string) => Target | undefined
  apply: (targets: Target[], position?: Position) => void
  position: () => Position | undefined
  usable: () => boolean
  restart: () => Promise<Position>
  /** True where the file could not be read: it has to be built anew. */
  broken: () => boolean
  figures: () => { links: number; position: Position | undefined; builtIn: number }
  close: () => void
}

const BUILD_WITHIN = 10 * 60_000

/** `maxAge` (ms) bounds how old a copy may be that is used before the database was reached: an old file must not revive deleted codes. */
export function openEdgeTier({
  folder,
  database,
  maxAge,
  log,
}: {
  folder: string
  database: Pool
  maxAge: number
  log: Log
}): EdgeTier {
  const copy: EdgeCopy = openEdgeCopy(folder)
  const found = copy.position()
  let usable = found !== undefined && Date.now() - found.at < maxAge
  let links = usable ? copy.count() : 0
  let builtIn = 0
  let wasUsable = usable
  let broken = false
  let building = false
  let meanwhile: Target[] = []

  /** A damaged page must not make a redirect fail: the copy is left out, and built anew with the next poll. */
  function safely<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!broken) log.error({ err: error }, 'the edge copy cannot be read and will be built anew')
      broken = true
      usable = false
      return undefined
    }
  }
  if (found && !usable)
    log.warn(
      { from: new Date(found.at).toISOString() },
      'the edge copy is older than EDGE_MAX_AGE: it is not used until the database was asked',
    )

  return {
    get: (code) => (usable ? safely(() => copy.get(code)) : undefined),
    getOld: (code) => (usable || (wasUsable && !broken) ? safely(() => copy.get(code)) : undefined),
    apply(targets, position) {
      if (building) meanwhile.push(...targets)
      if (broken) return
      try {
        copy.apply(targets, position)
        usable ||= position !== undefined
      } catch (error) {
        if (!isDamage(error)) throw error // a full disk, say: what is there stays as it is, and the feed tries again
        safely(() => {
          throw error
        })
      }
    },
    position: () => safely(() => copy.position()),
    broken: () => broken,
    usable: () => usable,
    async restart() {
      wasUsable ||= usable
      usable = false
      const started = Date.now()
      building = true
      meanwhile = []
      const file = join(folder, 'edge-building.sqlite')
      try {
        await restampFuture(database)
        const { position, count } = await build({ address: database.place(), file })
        copy.swap(file)
        copy.apply(meanwhile) // what this replica changed while the copy was made
        broken = false
        usable = true
        links = count
        builtIn = Date.now() - started
        log.info({ links: count, ms: builtIn }, 'the edge copy was built')
        return position
      } finally {
        building = false
        meanwhile = []
      }
    },
    figures: () => ({ links, position: safely(() => copy.position()), builtIn }),
    close: () => copy.close(),
  }
}

const isDamage = (error: unknown) => /^SQLITE_(CORRUPT|NOTADB)/.test(String((error as { code?: unknown }).code))

/** Rows restored from another cluster may carry transactions that are yet to come here: the feed would skip them when they come. */
async function restampFuture(database: Database) {
  await database.transaction(async (sql) => {
    await sql`set local statement_timeout = 0`
    // Only where there are such rows: a transaction that changes nothing leaves no trace, and after a crash its number is given out again.
    const [{ some }] = await sql<[{ some: boolean }]>`
      select exists (select from urls where xid >= pg_snapshot_xmax(pg_current_snapshot())) as some`
    if (some)
      await sql`update urls set xid = pg_current_xact_id()
        where xid >= pg_snapshot_xmax(pg_current_snapshot()) and xid <> pg_current_xact_id()`
  }, BUILD_WITHIN)
}

function build(order: Build): Promise<{ position: Position; count: number }> {
  const worker = new Worker(workerFile('redirect/edge-worker'))
  const { promise, resolve, reject } = Promise.withResolvers<{ position: Position; count: number }>()
  const timer = setTimeout(() => reject(new Error('the edge copy was not built within 10 minutes')), BUILD_WITHIN)
  worker.onerror = (event) => reject(new Error(event.message))
  worker.onmessage = ({ data }: MessageEvent<Built>) => ('built' in data ? resolve(data.built) : reject(new Error(data.failed)))
  worker.postMessage(order)
  return promise.finally(() => {
    clearTimeout(timer)
    worker.terminate()
  })
}
