import { existsSync } from 'node:fs'
import { openReader } from './journal-reader.ts'
import { journalsIn } from './segments.ts'

/** Whether a journal in a slot's folder contains a click, stored or not. */
export async function containsClicks(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false
  const { journals } = await journalsIn(folder)
  for (const [id, segments] of journals) {
    const reader = openReader(id, segments)
    try {
      if (reader.read(1).length > 0) return true
    } finally {
      reader.close()
    }
  }
  return false
}
