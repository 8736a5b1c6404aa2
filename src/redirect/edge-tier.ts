// The edge copy as a follower of the change feed: updated in chunks, and rebuilt in a worker when the database is a different one.
import { join } from 'node:path'
import { workerFile } from '../base/executable.ts'
import { within } from '../base/time-limit.ts'
import type { Database } from '../database/guard.ts'
import type { Pool } from '../database/pool.ts'
import type { Position } from '../database/position.ts'
import type { Log } from '../telemetry/logs.ts'
import { type EdgeCopy, isDamage, openEdgeCopy } from './edge-copy.ts'
import type { Build, Built } from './edge-worker.ts'
import { EmptyDatabase, isEmptyDatabase } from './emptied.ts'
import type { Target } from './target.ts'

export type EdgeTier = {
  get: (code: string) => Target | undefined
  /** The same, also from a copy that is being replaced by that of another database: for when that database is unreachable. */
  getOld: (code: string) => Target | undefined
  /** Links whose code in lower case is `key`, and the same for when the database is unreachable. */
  inAnyCase: (key: string) => Target[]
  inAnyCaseOld: (key: string) => Target[]
  apply: (targets: Target[], position?: Position) => void
  position: () => Position | undefined
  usable: () => boolean
  /** Whether it contains any link, deleted ones included. */
  knowsLinks: () => boolean
  restart: () => Promise<Position>
  /** True if the file could not be read, or is of an earlier release: it must be rebuilt. */
  broken: () => boolean
  figures: () => { links: number; position: Position | undefined; builtIn: number }
  close: () => void
}

const BUILD_WITHIN = 10 * 60_000
const MAX_UNWRITTEN = 10_000

/** `maxAge` (ms): a copy older than this is not used before the database was reached, because it could revive deleted codes. */
export function openEdgeTier({
  folder,
  database,
  maxAge,
  anyCase = false,
  log,
}: {
  folder: string
  database: Pool
  maxAge: number
  /** Whether links are also looked up in another case. */
  anyCase?: boolean
  log: Log
}): EdgeTier {
  const copy: EdgeCopy = openEdgeCopy(folder, log, anyCase)
  let broken = false
  let trusted = true // false: the copy missed a change
  let usable = false
  let links = 0
  let builtIn = 0
  let building = false
  let pendingDuringBuild: Target[] = []
  /** Changes that could not be written because the disk is full. Look-ups read them first; the feed delivers them again later. */
  const unwritten = new Map<string, Target>()

  /** A damaged page must not make a redirect fail: the copy is skipped, and rebuilt at the next poll. */
  function safely<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!broken) log.error({ file: copy.file, err: error }, 'cannot use the edge copy: it will be rebuilt')
      broken = true
      usable = false
      return undefined
    }
  }

  const found = safely(() => copy.position())
  usable = found !== undefined && Date.now() - found.at < maxAge
  if (usable) links = safely(() => copy.count()) ?? 0
  let wasUsable = usable
  if (found && !usable && !broken)
    log.warn(
      { from: new Date(found.at).toISOString() },
      'the edge copy is older than EDGE_MAX_AGE: it is not used until the database answers',
    )

  const lookUp = (code: string) => (unwritten.size > 0 && unwritten.get(code)) || safely(() => copy.get(code))

  function lookUpInAnyCase(key: string): Target[] {
    const rows = safely(() => copy.inAnyCase(key)) ?? []
    if (unwritten.size === 0) return rows
    const fresh = unwritten.get(key) // the code of a new link is in lower case
    const known = rows.map((row) => unwritten.get(row.code) ?? row)
    return fresh && !known.includes(fresh) ? [...known, fresh] : known
  }

  /** Stops using the copy when there are too many of them: it would answer with outdated links. */
  function keepUnwritten(targets: Target[]) {
    for (const target of targets) {
      const known = unwritten.get(target.code)
      if (!known || known.version < target.version) unwritten.set(target.code, target)
    }
    if (unwritten.size > MAX_UNWRITTEN) trusted = usable = false
  }

  /** A copy with links must not be replaced by an empty database. */
  async function assertNotEmptied() {
    if (!safely(copy.knowsLinks) || !(await database.run((sql) => isEmptyDatabase(sql)))) return
    const error = new EmptyDatabase(folder)
    database.doubt(error)
    throw error
  }

  return {
    get: (code) => (usable ? lookUp(code) : undefined),
    getOld: (code) => (usable || (wasUsable && trusted) ? lookUp(code) : undefined),
    inAnyCase: (key) => (usable ? lookUpInAnyCase(key) : []),
    inAnyCaseOld: (key) => (usable || (wasUsable && trusted) ? lookUpInAnyCase(key) : []),
    apply(targets, position) {
      if (building) pendingDuringBuild.push(...targets)
      if (broken) {
        trusted &&= targets.length === 0
        return
      }
      try {
        copy.apply(targets, position)
        if (!position) return
        unwritten.clear() // the feed has delivered each of them
        trusted = usable = true
      } catch (error) {
        if (!isDamage(error)) {
          keepUnwritten(targets)
          throw error // the feed tries again
        }
        trusted = false
        safely(() => {
          throw error
        })
      }
    },
    position: () => safely(() => copy.position()),
    broken: () => broken || copy.outdated(),
    usable: () => usable,
    knowsLinks: () => safely(copy.knowsLinks) ?? false,
    async restart() {
      await assertNotEmptied()
      wasUsable ||= usable
      usable = false
      const started = Date.now()
      building = true
      pendingDuringBuild = []
      const file = join(folder, 'edge-building.sqlite')
      try {
        await restampFuture(database)
        const { position, count } = await build({ address: database.place(), file, anyCase })
        copy.swap(file, broken)
        copy.apply(pendingDuringBuild) // what this replica changed during the build
        unwritten.clear()
        broken = false
        trusted = true
        usable = true
        links = count
        builtIn = Date.now() - started
        log.info({ links: count, ms: builtIn }, 'built the edge copy')
        return position
      } finally {
        building = false
        pendingDuringBuild = []
      }
    },
    figures: () => ({ links, position: safely(() => copy.position()), builtIn }),
    close: () => copy.close(),
  }
}

/**
 * Rows restored from another cluster may carry transaction ids that lie in the future here: the feed would skip later changes with these
 * ids.
 */
async function restampFuture(database: Database) {
  await database.transaction(async (sql) => {
    await sql`set local statement_timeout = 0`
    // Only if there are such rows: a transaction without changes leaves no trace, and its id is used again after a crash.
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
  worker.onerror = (event) => reject(new Error(event.message))
  worker.onmessage = ({ data }: MessageEvent<Built>) => ('built' in data ? resolve(data.built) : reject(new Error(data.failed)))
  worker.postMessage(order)
  const late = () => new Error('building the edge copy took more than 10 minutes')
  return within(promise, BUILD_WITHIN, late).finally(() => worker.terminate())
}
