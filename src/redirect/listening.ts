// Checks that announcements (NOTIFY) arrive. Without them the poll still finds changes, so nobody would notice that a pooler drops them.
import type { Log } from '../telemetry/logs.ts'

/** Changes to existing links, by how we learned of them. New links are not announced, and announcements during an outage are lost. */
export type Found = { notice: number; poll: number }

const ANNOUNCED_WITHIN = 1_000 // ms before or after a change was found: the poll may just have been faster
const UNANNOUNCED = 3 // polls in a row that find unannounced changes before we warn
const LISTEN_AGAIN_AFTER = 10_000 // ms: a firewall or NAT may have dropped the connection silently

/** Counts into `found`, and logs when announcements are missing and when they arrive again. */
export function watchAnnouncements(found: Found, log: Log) {
  let waiting = 0 // changes found that were not announced yet
  let since = 0
  let lastAnnouncement = Number.NEGATIVE_INFINITY
  let inARow = 0
  let warnedAt: number | undefined
  return {
    found(changes: number) {
      const now = performance.now()
      if (now - lastAnnouncement < ANNOUNCED_WITHIN) found.notice += changes
      else if (changes > 0) {
        if (waiting === 0) since = now
        waiting += changes
      }
    },
    announced() {
      lastAnnouncement = performance.now()
      found.notice += waiting
      waiting = 0
      inARow = 0
      if (warnedAt !== undefined) log.info('announcements of changes arrive again')
      warnedAt = undefined
    },
    /** True when it is time to subscribe again. */
    mustListenAgain(listening: boolean): boolean {
      const now = performance.now()
      if (waiting === 0 || now - since < ANNOUNCED_WITHIN) return false
      found.poll += waiting
      waiting = 0
      if (!listening || ++inARow < UNANNOUNCED || (warnedAt !== undefined && now - warnedAt < LISTEN_AGAIN_AFTER)) return false
      if (warnedAt === undefined) log.warn('announcements of changes do not arrive: the poll finds changes up to 400 ms later')
      warnedAt = now
      return true
    },
  }
}
