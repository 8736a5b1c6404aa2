import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Of a cluster, the highest timeline that this machine has written to. */
export type Followed = { system: string; timeline: number }

/** What is kept in `file`; undefined where it says nothing. */
export function readFollowed(file: string): Followed | undefined {
  try {
    const { system, timeline } = JSON.parse(readFileSync(file, 'utf8')) as Followed
    return typeof system === 'string' && Number.isSafeInteger(timeline) ? { system, timeline } : undefined
  } catch {
    return undefined
  }
}

/** Whole or not at all. Returns whether it could: a full disk must not keep anybody from the database. */
export function keepFollowed(file: string, followed: Followed): boolean {
  const kept = readFollowed(file)
  if (kept?.system === followed.system && kept.timeline >= followed.timeline) return true // another process knows more
  const own = `${file}.${crypto.randomUUID()}`
  try {
    writeFileSync(own, `${JSON.stringify(followed)}\n`, { mode: 0o600 })
    renameSync(own, file)
    return true
  } catch {
    rmSync(own, { force: true })
    return false
  }
}
