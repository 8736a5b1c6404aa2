import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether the policy in a slot's folder says that a key was ever created. Searches the text, so it works for truncated files and other releases' too. */
export function isKeyedIn(folder: string): boolean {
  try {
    return /"keyed":\s*true/.test(readFileSync(join(folder, 'policy.json'), 'utf8'))
  } catch {
    return false
  }
}
