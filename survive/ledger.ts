// What the client was answered: every write with its outcome, every redirect with a unique mark. The database is compared with it, line by line.
// Bounded: LINKS, WRITES and CLICKS; a full ledger takes nothing more, and the client then sends no more of that.

/** `refused`: answered by 4xx, so that it must not have happened. `unknown`: no answer, or one that leaves it open; it may have happened once. */
export type Outcome = 'open' | 'acknowledged' | 'unknown' | 'refused'

export type Write = {
  kind: 'create' | 'update' | 'delete'
  /** Its own: no two writes lead to one target. A delete has none. */
  target: string | undefined
  outcome: Outcome
  sent: number
  answered: number | undefined
  period: number
  link: Link | undefined
}

export type Link = {
  id: number
  code: string
  /** Creation, changes and deletion, in order: no two at once. */
  writes: Write[]
  /** A write is in flight, or got no response: the link is not written any more. */
  closed: boolean
}

export type Ledger = ReturnType<typeof openLedger>

const LINKS = 50_000
const WRITES = 200_000
const CLICKS = 4_000_000

/** What became of a click, in one byte: 0 never sent. */
export const CLICK = { answered: 1, unknown: 2, none: 3, atKill: 4, OUTCOME: 3 }

export function openLedger() {
  const links: Link[] = []
  const writes: Write[] = []
  const clicks = new Uint8Array(CLICKS)
  const clickLinks = new Float64Array(CLICKS)
  const periods: { name: string; firstClick: number }[] = []
  let sent = 0

  return {
    links,
    writes,
    clicks,
    /** The link's id, by click. */
    clickLinks,
    periods,
    sentClicks: () => sent,

    /** What is recorded from now on belongs to this one; returns its number. */
    begin: (name: string) => periods.push({ name, firstClick: sent }) - 1,

    /** Undefined where the ledger is full. */
    write(kind: Write['kind'], now: number, target?: string, link?: Link): Write | undefined {
      if (writes.length >= WRITES || links.length >= LINKS) return undefined
      const write: Write = { kind, target, outcome: 'open', sent: now, answered: undefined, period: periods.length - 1, link }
      writes.push(write)
      if (link) {
        link.closed = true
        link.writes.push(write)
      }
      return write
    },

    /** `made` comes with an acknowledged create. */
    answer(write: Write, outcome: Outcome, now: number, made?: { id: number; code: string }) {
      write.outcome = outcome
      write.answered = now
      if (made) links.push((write.link = { ...made, writes: [write], closed: false }))
      else if (write.link) write.link.closed = outcome === 'unknown' || write.kind === 'delete'
    },

    /** Returns the mark that the click carries; undefined where the ledger is full. */
    click(link: Link): number | undefined {
      if (sent >= CLICKS) return undefined
      clickLinks[sent] = link.id
      clicks[sent] = CLICK.unknown
      return sent++
    },
    clicked(mark: number, outcome: number) {
      clicks[mark] = (clicks[mark]! & CLICK.atKill) | outcome
    },
  }
}

/**
 * Where a link may lead when it is asked from `began` to `ended`, by all that is known: undefined stands for nowhere. A state may be shown for
 * `lag` ms after another was acknowledged.
 */
export function mayLeadTo({ writes }: Link, began: number, ended: number, lag: number): Set<string | undefined> {
  const states = writes.filter(({ outcome, sent }) => outcome !== 'refused' && sent <= ended)
  const last = states.findLastIndex(({ outcome, answered }) => outcome === 'acknowledged' && answered! <= began - lag)
  return new Set(states.slice(Math.max(0, last)).map(({ target }) => target))
}
