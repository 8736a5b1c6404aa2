// dist/waypost, built where it is missing or older than what it is made from.
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dir, '../..')
const built = join(root, 'dist/waypost')
const SOURCES = ['src', 'sql', 'console', 'build.ts', 'package.json', 'bun.lock']

/** Its path. */
export async function executable(): Promise<string> {
  if (!isFresh()) await Bun.$`${process.execPath} --no-env-file ${join(root, 'build.ts')}`.quiet()
  return built
}

function isFresh(): boolean {
  if (!existsSync(built)) return false
  const { mtimeMs } = statSync(built)
  const files = SOURCES.flatMap((name) => {
    const path = join(root, name)
    return statSync(path).isDirectory() ? [...new Bun.Glob('**/*').scanSync({ cwd: path, absolute: true })] : [path]
  })
  return files.every((file) => statSync(file).mtimeMs < mtimeMs)
}
