// Imports users.csv, urls.csv and events.csv of a folder together: references follow users and links to their new ids.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { assertFolder } from '../base/file-error.ts'
import { Problem } from '../base/problem.ts'
import { ConfigError } from '../config/config.ts'
import type { Pool } from '../database/pool.ts'
import type { Log } from '../telemetry/logs.ts'
import { type CsvFile, onDisk } from './csv-file.ts'
import { importAll, type Options } from './load.ts'
import type { Refusal, Source } from './source.ts'
import { SOURCES } from './sources.ts'

/** Number of rows of each file. */
export type Imported = Record<Source['name'], number>

/** Imports those of the three files that the folder has, all or nothing. Throws a Problem (400) that names file, row and column. */
export async function importFolder(database: Pool, folder: string, options?: Options): Promise<Imported> {
  assertFolder(folder)
  const names = filesIn(folder)
  if (names.length === 0) throw new Problem(400, `${folder} must contain at least one of ${FILES}`)
  const files: Record<string, CsvFile> = {}
  for (const name of names) files[name] = await onDisk(join(folder, name))
  return importFiles(database, files, options)
}

/** The same for files by their names. */
export async function importFiles(database: Pool, files: Record<string, CsvFile>, options?: Options): Promise<Imported> {
  const given = SOURCES.flatMap((source) => {
    const file = files[source.file]
    return file ? [{ source, file }] : []
  })
  const rows = await importAll(database, given, options)
  const counts = SOURCES.map((wanted) => [wanted.name, rows[given.findIndex(({ source }) => source === wanted)] ?? 0])
  return Object.fromEntries(counts)
}

/** Imports the folder if the database has no users and links, as at the first start. Returns what it imported, if anything. */
export async function seedIfEmpty(database: Pool, folder: string, log: Log, refusal?: Refusal): Promise<Imported | undefined> {
  const [filled] = await database.run((sql) => sql`select from users union all select from urls limit 1`)
  if (filled) return undefined
  if (filesIn(folder).length === 0) {
    log.warn({ folder }, `the database is empty, and SEED_DIR contains none of ${FILES}`) // SEED_DIR may only be meant for POST …/bulk
    return undefined
  }
  const imported = await importFolder(database, folder, { refusal })
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
