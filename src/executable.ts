// Where this program's own parts are: beside the source when run by Bun, inside the executable when compiled.
import { resolve } from 'node:path'

/** True inside the executable made by `bun build --compile`. */
export const isCompiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN')

/** The command that starts this program again, for a child process. */
export const entryPoint = () => (isCompiled ? [process.execPath] : [process.execPath, `${import.meta.dir}/main.ts`])

/** Inside the executable src/ and dist/assets are side by side here. Not import.meta.dir: a worker's is its own. */
const EMBEDDED = '/$bunfs/root'

/** A worker's file, `name` as below src/ and without ending. build.ts embeds every file of src/ that is named …-worker.ts. */
export const workerFile = (name: string) => (isCompiled ? `${EMBEDDED}/${name}.js` : `${import.meta.dir}/${name}.ts`)

/** The folder of the built console and docs. */
export const assetsFolder = isCompiled ? `${EMBEDDED}/assets` : resolve(import.meta.dir, '../dist/assets')
