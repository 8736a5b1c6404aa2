// A database without links, though this replica knows some: the wrong database, or one that lost its data. Waypost never removes rows of
// links, so it cannot cause this state itself.

import { waitAtMost } from '../base/time-limit.ts'
import type { Database, Sql, Transaction } from '../database/guard.ts'
import { setAsideSlots } from '../database/set-aside.ts'
import { tracesOfSlot } from '../database/traces.ts'
import { linksInCopy } from '../slot/edge-look.ts'
import { slotFolders } from '../slot/slots.ts'
import type { Log } from '../telemetry/logs.ts'

/** `words` is public; the message is for the operator. */
export class EmptyDatabase extends Error {
  override name = 'EmptyDatabase'
  readonly words = 'it is empty, but this replica knows links'
  constructor(folder: string) {
    super(
      `the database contains no links, but the edge copy in ${folder} does, and they keep redirecting: correct DATABASE_URL or restore a backup; to use the empty database on purpose, start once with --init-empty, which sets the copy aside`,
    )
  }
}

/** Whether it never contained a link: its table is empty or does not exist yet. */
export async function isEmptyDatabase(sql: Sql | Transaction): Promise<boolean> {
  const ask = sql as Sql
  const [{ made }] = await ask<[{ made: boolean }]>`select to_regclass('urls') is not null as made`
  if (!made) return true
  const [{ some }] = await ask<[{ some: boolean }]>`select exists (select from urls) as some`
  return !some
}

/** Throws EmptyDatabase if the database is empty and the copy in the slot's `folder` is not. `known` answers for a copy that is open. */
export const refuseEmptied = (folder: string, known: () => boolean | undefined) => async (sql: Transaction) => {
  const links = known() ?? isSome(linksInCopy(folder))
  if (links && (await isEmptyDatabase(sql))) throw new EmptyDatabase(folder)
}

const isSome = (links: number | 'unreadable' | undefined) => typeof links === 'number' && links > 0

const ANSWERS_WITHIN = 10_000

/**
 * For --init-empty: if the database is empty, sets aside what replicas in `dataDir` kept of the previous one. Throws if it does not
 * answer.
 */
export async function beginEmpty(database: Database, dataDir: string, log: Log) {
  const up = new Promise<void>((done) => database.onUp(done))
  if (!(await waitAtMost(up, ANSWERS_WITHIN)))
    throw new Error(
      `--init-empty: the database does not answer (${database.downFor() ?? 'see the log'}), so nothing was set aside; move a damaged embedded database out of ${dataDir} first`,
    )
  if (!(await database.run((sql) => isEmptyDatabase(sql)))) return
  const traces = await Promise.all(slotFolders(dataDir).map(tracesOfSlot))
  if (traces.flat().length === 0) return
  log.warn({ folder: setAsideSlots(dataDir) }, 'set aside what replicas kept of the previous database: --init-empty was given')
}
