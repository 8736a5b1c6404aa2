// A folder of users.csv, urls.csv and events.csv, imported together: what refers to a user or link follows the id it got.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../database/guard.ts'
import { Problem } from '../http/problem.ts'
import type { Log } from '../telemetry/logs.ts'
import { eventSource } from './events.ts'
import { linkSource } from './links.ts'
import { importRows, named, type Progress, type Source, type Staged } from './load.ts'
import { userSource } from './users.ts'

export type Imported = { users: number; links: number; events: number }

/** Imports those of the three files that the folder has, all or nothing. Throws a Problem (400) that names file, row and column. */
export async function importFolder(database: Database, folder: string, progress?: Progress, links?: Source): Promise<Imported> {
  if (!existsSync(folder)) throw new Problem(400, `there is no folder ${folder}`)
  const names = filesIn(folder)
  if (names.length === 0) throw new Problem(400, `${folder} has none of ${SOURCES.map(({ file }) => file).join(', ')}`)
  const files: Record<string, Uint8Array> = {}
  for (const name of names) files[name] = await Bun.file(join(folder, name)).bytes()
  return importFiles(database, files, progress, links)
}

/** The same from memory: contents by file name. `links` reads urls.csv. */
export async function importFiles(
  database: Database,
  files: Record<string, Uint8Array>,
  progress?: Progress,
  links = linkSource,
): Promise<Imported> {
  const read: { source: Source; rows: Staged[] }[] = []
  for (const source of [userSource, links, eventSource]) {
    const file = files[source.file]
    if (file) read.push({ source, rows: await named(source.file, () => source.read(file)) })
  }
  await importRows(database, read, progress)
  const count = (wanted: Source) => read.find(({ source }) => source === wanted)?.rows.length ?? 0
  return { users: count(userSource), links: count(links), events: count(eventSource) }
}

/** Imports the folder into a database without users and links: the first boot. Returns what it imported, if anything. */
export async function seedIfEmpty(database: Database, folder: string, log: Log, links?: Source): Promise<Imported | undefined> {
  const [filled] = await database.run((sql) => sql`select from users union all select from urls limit 1`)
  if (filled || filesIn(folder).length === 0) return undefined // a folder may be there for POST …/bulk alone
  const imported = await importFolder(database, folder, undefined, links)
  log.info({ ...imported, folder }, 'the empty database was filled')
  return imported
}

const SOURCES = [userSource, linkSource, eventSource] // in the order in which they refer to each other

const filesIn = (folder: string) => SOURCES.map(({ file }) => file).filter((file) => existsSync(join(folder, file)))
