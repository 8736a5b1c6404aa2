// A restore creates a cluster next to the existing one and then replaces it. At every moment the disk shows which of the two is valid: the old one
// until the new one is renamed, and the new one from then on.
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CLUSTER, isEmptyFolder, isSomething, setAside, syncAll, syncFolder } from './embedded-files.ts'

const MADE = 'restored'
/** The old cluster, while the new one is renamed. */
const REPLACED = `${CLUSTER}.replaced`
/** The old cluster once the new one is in place: it is no longer needed. */
const DISCARDED = `${CLUSTER}.discarded`
/** Marks a cluster that a restore created as complete and synced. Removed after the old one. */
const MARK = 'waypost.restored'

/**
 * A temporary folder for a new cluster next to that of `dataDir`, and how to replace the existing one by it. With `alike` it starts as a copy of that
 * one, which saves initdb's five seconds. Anything in place that is not a readable cluster is set aside.
 */
export function replacementFor(dataDir: string, alike: boolean) {
  const root = resolve(dataDir)
  const place = join(root, CLUSTER)
  const made = join(root, MADE)
  const remove = () => rmSync(made, { recursive: true, force: true })
  remove() // of a restore that was killed
  if (alike) cpSync(place, join(made, CLUSTER), { recursive: true })
  return {
    dataDir: made,
    /** `readable`: the existing cluster can be opened, and is removed. Otherwise returns where it was set aside. */
    replace(readable: boolean): string | undefined {
      const ready = join(made, CLUSTER)
      syncAll(ready)
      writeFileSync(join(ready, MARK), '')
      syncFolder(ready)
      let aside: string | undefined
      if (readable) {
        renameSync(place, join(root, REPLACED))
        syncFolder(root)
      } else if (isSomething(place) && !isEmptyFolder(place)) aside = setAside(root, [CLUSTER])
      renameSync(ready, place)
      syncFolder(root)
      settleExchange(root)
      return aside
    },
    remove,
  }
}

/** After a kill: completes the replacement if the new cluster was complete; else restores the old one's name. */
export function settleExchange(root: string) {
  const place = join(root, CLUSTER)
  const ready = join(root, MADE, CLUSTER)
  const replaced = join(root, REPLACED)
  const discarded = join(root, DISCARDED)
  if (!isSomething(place) || isEmptyFolder(place)) {
    const next = existsSync(join(ready, MARK)) ? ready : replaced
    if (existsSync(next)) renameSync(next, place)
  } else if (existsSync(join(ready, MARK))) rmSync(join(ready, MARK)) // it was not being moved, and must not be later, if the place is empty for another reason
  if (existsSync(replaced)) {
    if (existsSync(join(place, MARK))) {
      rmSync(discarded, { recursive: true, force: true })
      renameSync(replaced, discarded)
    } else setAside(root, [REPLACED]) // an older release created another cluster: both may have data
    syncFolder(root)
  }
  for (const done of [discarded, join(place, MARK)]) if (existsSync(done)) rmSync(done, { recursive: true, force: true })
}
