// Where this program's own parts are: next to the source when run by Bun, inside the executable when compiled.
import { resolve } from 'node:path'

const SRC = resolve(import.meta.dir, '..')

/** True inside the executable made by `bun build --compile`. */
const isCompiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN')

/** Read now: later, when another file has this path, it would be that of the deleted one. */
const PROGRAM = process.execPath

/** The command that starts this program again, for a child process; a new release, if one was installed at this path. */
export const entryPoint = () => (isCompiled ? [PROGRAM] : [PROGRAM, '--no-env-file', `${SRC}/main.ts`])

/** Inside the executable, src/ and dist/assets are siblings here. Not import.meta.dir, which differs in a worker. */
const EMBEDDED = '/$bunfs/root'

/** A worker's file; `name` is relative to src/, without extension. build.ts embeds every file in src/ that is named …-worker.ts. */
export const workerFile = (name: string) => (isCompiled ? `${EMBEDDED}/${name}.js` : `${SRC}/${name}.ts`)

/** The folder of the built console and docs. */
export const assetsFolder = isCompiled ? `${EMBEDDED}/assets` : resolve(SRC, '../dist/assets')
