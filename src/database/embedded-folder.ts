// Decides whether the folder of the embedded database has a cluster to open, needs a new one, or lost one, which only an operator may replace.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entryPoint } from '../base/executable.ts'
import { causeIn } from './causes.ts'
import { CLUSTER, isSomething, MADE_HERE, MAKING, syncAll, syncFolder } from './embedded-files.ts'
import { type Place, placeOf } from './embedded-place.ts'
import { READY, unpackCluster } from './embedded-ready.ts'
import { VERSION, versionOf } from './embedded-version.ts'
import { setAsideAll } from './set-aside.ts'
import { tracesOf } from './traces.ts'

const MAKE_WITHIN = 60_000

/** A database was here and is missing; the message is one sentence for the operator. */
export class DatabaseMissing extends Error {
  override name = 'DatabaseMissing'
}

/**
 * Ensures that `place` has a cluster that this release can open. Creates one only if nothing shows that one existed before, or with `initEmpty`, which
 * sets aside what is left, and returns where. Throws DatabaseMissing.
 */
export async function openFolder(place: Place, initEmpty: boolean): Promise<string | undefined> {
  let aside: string | undefined
  const { folder, dataDir } = place
  refuseOtherVersion(place)
  if (versionOf(folder) === undefined) {
    if (initEmpty) aside = setAsideAll(dataDir)
    else {
      const traces = await tracesOf(dataDir)
      if (traces.length > 0) throw new DatabaseMissing(sentence(place, traces))
    }
    await createCluster(folder)
  }
  noteThatMade(dataDir)
  return aside
}

/** Whether `dataDir` has an embedded database, damaged or not. */
export const hasEmbedded = (dataDir: string) => versionOf(placeOf(dataDir).folder) !== undefined

function sentence({ folder, dataDir }: Place, traces: string[]): string {
  const others = traces.filter((trace) => !trace.startsWith(`${folder} `))
  const here =
    traces.find((trace) => trace.startsWith(`${folder} `)) ?? `${folder} is ${isSomething(folder) ? 'empty' : 'missing'}`
  const shown = others.length > 4 ? [...others.slice(0, 4), `${others.length - 4} more`] : others
  return (
    `${here}, but there was a database in ${dataDir}${shown.length > 0 ? ` (${shown.join('; ')})` : ''}: put it back, or restore a backup ` +
    `(waypost restore FILE), or start with --init-empty to begin with an empty one, which moves what is left to a folder in ${dataDir}`
  )
}

function refuseOtherVersion({ folder, dataDir }: Place) {
  const other = otherVersion(folder, dataDir)
  if (other)
    throw new Error(
      `${other.folder} was made by PostgreSQL ${other.version}, and this release has ${VERSION}. Run with the old release: waypost backup waypost.backup --data-dir ${dataDir}; then, with this release and an empty DATA_DIR: waypost restore waypost.backup`,
    )
}

/** A cluster of another version: at the path itself, or next to it if there is no cluster. */
function otherVersion(folder: string, dataDir: string) {
  const version = versionOf(folder)
  if (version !== undefined) return version === VERSION ? undefined : { folder, version }
  const siblings = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => /^pg\d+$/.test(name) && name !== CLUSTER) : []
  return siblings
    .map((name) => ({ folder: join(dataDir, name), version: versionOf(join(dataDir, name)) }))
    .find(({ version }) => version !== undefined && version !== VERSION)
}

/** Creates the cluster in a temporary folder that is renamed when complete: a kill leaves no partial cluster. */
async function createCluster(folder: string) {
  const place = existsSync(folder) ? realpathSync(folder) : folder // follows a link to an empty folder on another disk
  const making = join(dirname(place), MAKING)
  try {
    rmSync(making, { recursive: true, force: true })
    mkdirSync(making, { recursive: true, mode: 0o700 })
    if (existsSync(READY)) unpackCluster(readFileSync(READY), making)
    else await runInitdb(making)
    syncAll(making)
    renameSync(making, place)
    syncFolder(dirname(place))
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    const said = (error as Error).message
    throw new Error(`the embedded database could not be created in ${folder}: ${causeIn(said) ?? said.split('\n').at(-1)}`)
  }
}

/** In a child process, because initdb leaks 1 GB of memory. */
async function runInitdb(making: string) {
  const child = Bun.spawn([...entryPoint(), 'initdb', making], { stdout: 'ignore', stderr: 'pipe' })
  const timer = setTimeout(() => child.kill(9), MAKE_WITHIN)
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()])
  clearTimeout(timer)
  if (code !== 0) throw new Error(errors.trim() || `exit ${code}`)
}

/** Records that there is a cluster, so that its loss is noticed. */
function noteThatMade(dataDir: string) {
  const file = join(dataDir, MADE_HERE)
  if (existsSync(file)) return
  try {
    writeFileSync(file, `${JSON.stringify({ cluster: CLUSTER, since: new Date().toISOString() })}\n`, { mode: 0o600 })
  } catch {} // a full disk: the next start writes it
}
