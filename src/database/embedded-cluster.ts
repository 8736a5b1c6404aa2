import { fdatasyncSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import initdbWasm from '../../node_modules/@electric-sql/pglite/dist/initdb.wasm' with { type: 'file' }
import fsBundle from '../../node_modules/@electric-sql/pglite/dist/pglite.data' with { type: 'file' }
import pgliteWasm from '../../node_modules/@electric-sql/pglite/dist/pglite.wasm' with { type: 'file' }

/**
 * Opens (or, in a new folder, makes) the cluster in `folder` with a real sync at each commit.
 * `extensions` is pg_trgm.tar.gz as a real file: PGlite cannot read one from inside the executable. initdb needs none.
 */
export async function openCluster(folder: string, extensions?: string): Promise<PGlite> {
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([pgliteWasm, initdbWasm].map(compile))
  const db = new PGlite({
    dataDir: folder,
    pgliteWasmModule,
    initdbWasmModule,
    fsBundle: Bun.file(fsBundle),
    extensions: extensions
      ? { pg_trgm: { name: 'pg_trgm', setup: async () => ({ bundlePath: pathToFileURL(extensions) }) } }
      : {},
    startParams: durable(PGlite.defaultStartParams),
  })
  await db.waitReady
  syncForReal(db)
  return db
}

const compile = async (file: string) => WebAssembly.compile(await Bun.file(file).arrayBuffer())

/** PGlite starts with `-F`, fsync off: without it, and with a sync method that NODEFS can serve, a commit waits for the disk. */
const durable = (params: string[]) => [
  ...params.filter((param) => param !== '-F'),
  '-c',
  'wal_sync_method=fsync',
  '-c',
  'max_wal_size=128MB',
]

/** Emscripten's NODEFS has no fsync, and PostgreSQL takes that for success: this gives it one. */
function syncForReal(db: PGlite) {
  const { NODEFS } = (db as unknown as { Module: { NODEFS: { stream_ops: Record<string, unknown> } } }).Module
  NODEFS.stream_ops.fsync = (stream: { nfd: number }) => {
    fdatasyncSync(stream.nfd)
    return 0
  }
}
