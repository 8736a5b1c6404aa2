// Creates and opens the cluster that PGlite runs.
import { fdatasyncSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import initdbWasm from '../../node_modules/@electric-sql/pglite/dist/initdb.wasm' with { type: 'file' }
import fsBundle from '../../node_modules/@electric-sql/pglite/dist/pglite.data' with { type: 'file' }
import pgliteWasm from '../../node_modules/@electric-sql/pglite/dist/pglite.wasm' with { type: 'file' }
import { assertThere } from './embedded-failure.ts'
import { PINNED } from './session.ts'

/** Creates a cluster in `folder`, which is empty. */
export async function createCluster(folder: string) {
  const db = await open(folder, { initdbWasmModule: await compile(initdbWasm) })
  await db.close()
}

/**
 * Opens the cluster in `folder`. Throws Gone if it is missing or was just removed: PGlite would create an empty one. `extensions` is the path of
 * pg_trgm.tar.gz: PGlite cannot read one inside the executable. `said` receives PostgreSQL's log.
 */
export async function openCluster(folder: string, extensions: string, said: (text: string) => void): Promise<PGlite> {
  assertThere(folder)
  const opened = open(folder, {
    initdbWasmModule: NOTHING,
    extensions: { pg_trgm: { name: 'pg_trgm', setup: async () => ({ bundlePath: pathToFileURL(extensions) }) } },
    onStderr(text: string) {
      said(text)
      return false
    },
  })
  await opened.catch(() => {})
  assertThere(folder)
  return opened
}

/** Opens PGlite with a real sync at each commit. */
async function open(dataDir: string, options: PGliteOptions): Promise<PGlite> {
  const db = new PGlite({
    dataDir,
    pgliteWasmModule: await compile(pgliteWasm),
    fsBundle: Bun.file(fsBundle),
    startParams: startParams(PGlite.defaultStartParams),
    ...options,
  })
  await db.waitReady
  syncForReal(db)
  return db
}

/** PGlite runs initdb if it finds no cluster, and has no option to prevent it: this module does nothing instead. */
const NOTHING = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))

/** PGlite has one session for all connections, without start-up parameters. embedded.ts limits how long a statement takes. */
const PINNED_HERE = Object.entries(PINNED).filter(([name]) => !/timeout$|^client_encoding$/.test(name))

const compile = async (file: string) => WebAssembly.compile(await Bun.file(file).arrayBuffer())

/** All of it is resident from the start: PGlite fills shared memory with zeros. The page cache has what these buffers have not. */
const BUFFERS = '16MB'

/** PGlite starts with `-F`, fsync off. Without it, and with a sync method that NODEFS supports, a commit waits for the disk. */
const startParams = (params: string[]) => [
  ...params.filter((param) => param !== '-F'),
  '-c',
  'wal_sync_method=fsync',
  '-c',
  'max_wal_size=128MB',
  '-c',
  `shared_buffers=${BUFFERS}`,
  ...PINNED_HERE.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
]

/** Emscripten's NODEFS has no fsync, which PostgreSQL takes for success: this adds one. */
function syncForReal(db: PGlite) {
  const { NODEFS } = (db as unknown as { Module: { NODEFS: { stream_ops: Record<string, unknown> } } }).Module
  NODEFS.stream_ops.fsync = (stream: { nfd: number }) => {
    fdatasyncSync(stream.nfd)
    return 0
  }
}
