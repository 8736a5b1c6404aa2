// Whether notices arrive: without them changes are obeyed by the poll, and nobody would notice that they are lost, by a pooler say.
import type { Log } from '../telemetry/logs.ts'

/** Changes of links that were there before, by what told of them. A new link is announced to nobody, and nobody hears what is said while it is away. */
export type Found = { notice: number; poll: number }

const NOTICE_WITHIN = 1_000 // ms before or after a change was found: the poll may only have been faster
const UNANNOUNCED = 3 // times in a row that the poll found changes and no notice told of them, until it is said
const LISTEN_AGAIN_AFTER = 10_000 // ms: the connection may have been forgotten on its way, and nothing else would tell

/** Counts into `found`, and says when notices stay away and when they come again. */
export function watchNotices(found: Found, log: Log) {
  let waiting = 0 // changes found that no notice told of yet
  let since = 0
  let lastNotice = Number.NEGATIVE_INFINITY
  let inARow = 0
  let saidAt: number | undefined
  return {
    found(changes: number) {
      const now = performance.now()
      if (now - lastNotice < NOTICE_WITHIN) found.notice += changes
      else if (changes > 0) {
        if (waiting === 0) since = now
        waiting += changes
      }
    },
    noticed() {
      lastNotice = performance.now()
      found.notice += waiting
      waiting = 0
      inARow = 0
      if (saidAt !== undefined) log.info('notices of changes arrive again')
      saidAt = undefined
    },
    /** True when it is time to listen anew. */
    isDeaf(listening: boolean): boolean {
      const now = performance.now()
      if (waiting === 0 || now - since < NOTICE_WITHIN) return false
      found.poll += waiting
      waiting = 0
      if (!listening || ++inARow < UNANNOUNCED || (saidAt !== undefined && now - saidAt < LISTEN_AGAIN_AFTER)) return false
      if (saidAt === undefined) log.warn('no notice tells of changes: the poll finds them, up to 400 ms later')
      saidAt = now
      return true
    },
  }
}
