// Signs in a DATA_DIR of an earlier database, or of replicas that knew one: if there are any, no new database is created by itself.
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { containsClicks } from '../journal/kept.ts'
import { linksInCopy } from '../slot/edge-look.ts'
import { isKeyedIn } from '../slot/keyed.ts'
import { slotFolders } from '../slot/slots.ts'
import { ASIDE, CLUSTER, isEmptyFolder, isSomething, MADE_HERE, MAKING } from './embedded-files.ts'

/** Phrases, each with its path; empty if nothing shows that `dataDir` ever had an embedded database, or served one. */
export async function tracesOf(dataDir: string): Promise<string[]> {
  const found: string[] = []
  const place = join(dataDir, CLUSTER)
  if (isSomething(place) && !isEmptyFolder(place)) found.push(whatIsIn(place))
  found.push(...clustersIn(dataDir))
  for (const folder of slotFolders(dataDir)) found.push(...(await tracesOfSlot(folder)))
  if (existsSync(join(dataDir, MADE_HERE))) found.push(`${join(dataDir, MADE_HERE)} records that a database was created here`)
  return found
}

/** The same for one replica's slot. */
export async function tracesOfSlot(folder: string): Promise<string[]> {
  const found: string[] = []
  const links = linksInCopy(folder)
  if (links === 'unreadable') found.push(`${join(folder, 'edge.sqlite')} cannot be read`)
  else if (links) found.push(`${join(folder, 'edge.sqlite')} has ${links === 1 ? 'a link' : `${links} links`}`)
  if (isKeyedIn(folder)) found.push(`${join(folder, 'policy.json')} has API keys`)
  if (await containsClicks(folder)) found.push(`a journal in ${folder} contains clicks`)
  return found
}

function whatIsIn(place: string): string {
  if (lstatSync(place).isSymbolicLink() && !existsSync(place)) return `${place} is a link to a path that does not exist`
  return existsSync(join(place, 'PG_VERSION')) ? `${place} has an invalid PG_VERSION` : `${place} has no PG_VERSION`
}

/** Clusters under other names: pg18.old, pg17, restored/pg18, a copy. */
function clustersIn(dataDir: string): string[] {
  const named = (name: string) => /^\W*pg-?\d+/i.test(name)
  const isCluster = (folder: string) => existsSync(join(folder, 'PG_VERSION')) || existsSync(join(folder, 'global', 'pg_control'))
  return namesIn(dataDir)
    .filter((name) => name !== CLUSTER && name !== MAKING && !name.startsWith(ASIDE))
    .flatMap((name) => {
      const path = join(dataDir, name)
      return named(name) || isCluster(path)
        ? [path]
        : namesIn(path)
            .map((inner) => join(path, inner))
            .filter(isCluster)
    })
    .map((path) => `there is ${path}`)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // a file, or not ours to read
  }
}
