import { renameSync } from 'node:fs'
import pgTrgm from '../../node_modules/@electric-sql/pglite/dist/pg_trgm.tar.gz' with { type: 'file' }

/** Writes pg_trgm.tar.gz to disk, where PGlite can read it, if it differs: a full disk must not prevent a start. Throws the disk's error. */
export async function keepExtensions(extensions: string) {
  const brought = Bun.file(pgTrgm)
  const there = Bun.file(extensions)
  if ((await there.exists()) && Bun.hash(await there.arrayBuffer()) === Bun.hash(await brought.arrayBuffer())) return
  try {
    const next = `${extensions}.new`
    await Bun.write(next, brought)
    renameSync(next, extensions)
  } catch (error) {
    if (!(await there.exists())) throw error
  }
}
