// Folders that are made once and copied from then on, by every file, worker and run: initdb takes seconds of processor time, a copy hardly any.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tryLock } from '../src/base/lock.ts'

const cache = join(import.meta.dir, '../node_modules/.cache/waypost')

/** The folder that `make` fills, created if it does not exist. `from` is all that it depends on: another value creates another folder. */
export async function template(name: string, from: unknown, make: (folder: string) => Promise<void>): Promise<string> {
  const made = join(cache, `${name}-${Bun.hash(JSON.stringify(from)).toString(36)}`)
  if (existsSync(made)) return made
  mkdirSync(cache, { recursive: true })
  let unlock: (() => void) | undefined
  while (!(unlock = tryLock(join(cache, `${name}.lock`)))) await Bun.sleep(50) // another worker makes it
  try {
    if (existsSync(made)) return made
    for (const old of readdirSync(cache).filter((file) => file.startsWith(`${name}-`)))
      rmSync(join(cache, old), { recursive: true })
    const unfinished = `${made}.unfinished`
    mkdirSync(unfinished, { mode: 0o700 })
    await make(unfinished)
    renameSync(unfinished, made)
    return made
  } finally {
    unlock()
  }
}

/** Copies what is in `folder`, with its owners, into `to`. */
export function copyTemplate(folder: string, to: string) {
  const { success, stderr } = Bun.spawnSync(['cp', '-a', '--reflink=auto', `${folder}/.`, to], { stdout: 'ignore' })
  if (!success) throw new Error(`cp: ${stderr}`)
}
