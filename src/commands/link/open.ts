import type { Link } from '../../links/schema.ts'
import { print } from './shown.ts'

const STARTED_WITHIN = 3_000
const OPENER = process.platform === 'darwin' ? 'open' : 'xdg-open'

/** Opens the target of a link in the browser. Prints it on a machine without one. */
export async function openTarget({ original_url: target }: Link) {
  if (!(await isOpened(target))) await print(`${target}\n`)
}

/** A browser that keeps running in the foreground counts as opened. */
async function isOpened(target: string): Promise<boolean> {
  const opener = Bun.which(OPENER)
  if (!opener || !/^https?:\/\//i.test(target)) return false // a program must not read it as a file or as a flag
  const child = Bun.spawn([opener, target], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  const code = await Promise.race([child.exited, Bun.sleep(STARTED_WITHIN).then(() => 0)])
  child.unref()
  return code === 0
}
