// Where this program's own parts are: beside the source when run by Bun, inside the executable when compiled.

/** True inside the executable made by `bun build --compile`. */
export const isCompiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN')

/** The command that starts this program again, for a child process. */
export const entryPoint = () => (isCompiled ? [process.execPath] : [process.execPath, `${import.meta.dir}/main.ts`])

/** A worker's file, `name` as below src/ and without ending: build.ts names each one as an entry point. */
export const workerFile = (name: string) => (isCompiled ? `/$bunfs/root/src/${name}.js` : `${import.meta.dir}/${name}.ts`)
