// Imports users.csv, urls.csv and events.csv of a folder together: references follow users and links to their new ids.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assertFolder, causeOf } from '../base/file-error.ts'
import { Problem } from '../base/problem.ts'
import { ConfigError } from '../config/config.ts'
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { importRows, type Progress, withFileName } from './load.ts'
import type { Refusal, Source, Staged } from './source.ts'
import { SOURCES } from './sources.ts'

/** Number of rows of each file. */
export type Imported = Record<Source['name'], number>

/** Imports those of the three files that the folder has, all or nothing. Throws a Problem (400) that names file, row and column. */
export async function importFolder(
  database: Database,
  folder: string,
  progress?: Progress,
  refusal?: Refusal,
): Promise<Imported> {
  assertFolder(folder)
  const names = filesIn(folder)
  if (names.length === 0) throw new Problem(400, `${folder} must contain at least one of ${FILES}`)
  const files: Record<string, Uint8Array> = {}
  for (const name of names)
    files[name] = await readFile(join(folder, name)).catch((error) => {
      throw new Error(`cannot read ${join(folder, name)}: ${causeOf(error)}`)
    })
  return importFiles(database, files, progress, refusal)
}

/** The same from memory; `files` maps file names to contents. */
export async function importFiles(
  database: Database,
  files: Record<string, Uint8Array>,
  progress?: Progress,
  refusal?: Refusal,
): Promise<Imported> {
  const read: { source: Source; rows: Staged[] }[] = []
  for (const source of SOURCES) {
    const file = files[source.file]
    if (file) read.push({ source, rows: await withFileName(source.file, () => source.read(file, refusal)) })
  }
  await importRows(database, read, progress)
  const counts = SOURCES.map((wanted) => [wanted.name, read.find(({ source }) => source === wanted)?.rows.length ?? 0])
  return Object.fromEntries(counts)
}

/** Imports the folder if the database has no users and links, as at the first start. Returns what it imported, if anything. */
export async function seedIfEmpty(
  database: Database,
  folder: string,
  log: Log,
  refusal?: Refusal,
): Promise<Imported | undefined> {
  const [filled] = await database.run((sql) => sql`select from users union all select from urls limit 1`)
  if (filled) return undefined
  if (filesIn(folder).length === 0) {
    log.warn({ folder }, `the database is empty, and SEED_DIR contains none of ${FILES}`) // SEED_DIR may only be meant for POST …/bulk
    return undefined
  }
  const imported = await importFolder(database, folder, undefined, refusal)
  log.info({ ...imported, folder }, 'imported SEED_DIR into the empty database')
  return imported
}

/**
 * Throws ConfigError if SEED_DIR is not a folder. One without CSV files is valid: docker-compose.yml mounts deploy/seed, which is empty
 * at first.
 */
export function assertSeeds(folder: string) {
  try {
    assertFolder(folder)
  } catch (error) {
    throw new ConfigError(`SEED_DIR must be a folder with ${FILES}: ${(error as Error).message}`)
  }
}

const FILES = SOURCES.map(({ file }) => file).join(', ')

const filesIn = (folder: string) => SOURCES.map(({ file }) => file).filter((file) => existsSync(join(folder, file)))
