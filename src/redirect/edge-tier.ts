// The edge copy as a follower of the change feed: kept in step by chunks, built anew in a worker when the database is another.
import { join } from 'node:path'
import type { Address } from '../database/connect.ts'
import type { Database } from '../database/guard.ts'
import { workerFile } from '../executable.ts'
import type { Log } from '../telemetry/logs.ts'
import { type EdgeCopy, openEdgeCopy } from './edge-copy.ts'
import type { Build, Built } from './edge-worker.ts'
import type { Position } from './position.ts'
import type { Target } from './target.ts'

export type EdgeTier = {
  get: (code: string) => Target | undefined
  apply: (targets: Target[], position?: Position) => void
  position: () => Position | undefined
  restart: () => Promise<Position>
  figures: () => { links: number; position: Position | undefined; builtIn: number }
  close: () => void
}

const BUILD_WITHIN = 10 * 60_000

/** `maxAge` (ms) bounds how old a copy may be that is used before the database was reached: an old file must not revive deleted codes. */
export function openEdgeTier({
  folder,
  address,
  database,
  maxAge,
  log,
}: {
  folder: string
  address: Address
  database: Database
  maxAge: number
  log: Log
}): EdgeTier {
  const copy: EdgeCopy = openEdgeCopy(folder)
  const found = copy.position()
  let usable = found !== undefined && Date.now() - found.at < maxAge
  let links = usable ? copy.count() : 0
  let builtIn = 0
  if (found && !usable)
    log.warn(
      { from: new Date(found.at).toISOString() },
      'the edge copy is older than EDGE_MAX_AGE: it is not used until the database was asked',
    )

  return {
    get: (code) => (usable ? copy.get(code) : undefined),
    apply(targets, position) {
      copy.apply(targets, position)
      usable ||= position !== undefined
    },
    position: () => copy.position(),
    async restart() {
      usable = false
      const started = Date.now()
      await restampFuture(database)
      const file = join(folder, 'edge-building.sqlite')
      const { position, count } = await build({ address, file })
      copy.swap(file)
      usable = true
      links = count
      builtIn = Date.now() - started
      log.info({ links: count, ms: builtIn }, 'the edge copy was built')
      return position
    },
    figures: () => ({ links, position: copy.position(), builtIn }),
    close: () => copy.close(),
  }
}

/** Rows restored from another cluster may carry transactions that are yet to come here: the feed would skip them when they come. */
async function restampFuture(database: Database) {
  await database.run(
    (sql) =>
      sql`update urls set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot()) and xid <> pg_current_xact_id()`,
    BUILD_WITHIN,
  )
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
