// Steady load on separate links: 40 redirects and 4 changes a second, half of them new links. Keeps a ledger of everything acknowledged.
import type { Config } from '../config/config.ts'
import { ask } from './ask.ts'

const REDIRECT_EVERY = 25
const CHANGE_EVERY = 250
const REDIRECT_WITHIN = 5_000
const PAGE = 100
const SETTLED = 2_000

/** The results during one fault; p99 in ms. */
export type Ledger = { redirects: number; failed: number; p99: number; changes: number; refused: number }

type Link = { id: number; short_code: string; target: string; unsure?: boolean }

/** Creates `count` links through `base`, and starts the load on them. */
export async function startLoad(base: string, config: Config, count: number) {
  const targets = `https://example.com/waypost-drill/${crypto.randomUUID()}`
  const links: Link[] = []
  const times: number[] = []
  const ledger = { redirects: 0, failed: 0, changes: 0, refused: 0 }
  const clicks = { answered: 0, unanswered: 0 }
  const inFlight = new Set<Promise<unknown>>()
  let number = 0
  for (let n = 0; n < count; n++) await create()
  await Bun.sleep(SETTLED) // until every replica has a copy: only known links are guaranteed to redirect during any failure

  async function create() {
    const target = `${targets}/${++number}`
    const created = (await ask(base, config, 'POST', '/urls', { body: { original_url: target, title: 'fire drill' } })) as Link
    links.push({ id: created.id, short_code: created.short_code, target })
  }

  /** Makes one change; returns whether it was acknowledged. An unacknowledged one may still have happened. */
  async function change(): Promise<boolean> {
    const link = links[number % links.length]!
    const target = `${targets}/${number + 1}`
    const update = number % 2 === 1
    try {
      if (!update) await create()
      else {
        number++
        link.unsure = true
        await ask(base, config, 'PATCH', `/urls/${link.id}`, { body: { original_url: target } })
        link.target = target
        link.unsure = false
      }
      ledger.changes++
      return true
    } catch {
      ledger.refused++
      return false
    }
  }

  async function redirect(turn: number) {
    const { short_code } = links[turn % count]!
    const started = performance.now()
    try {
      const signal = AbortSignal.timeout(REDIRECT_WITHIN)
      const { status, headers } = await fetch(`${base}/${short_code}`, { redirect: 'manual', proxy: false, signal })
      times.push(performance.now() - started)
      ledger.redirects++
      if (status === 302 && headers.get('location')?.startsWith(targets)) clicks.answered++
      else ledger.failed++
    } catch {
      ledger.redirects++
      ledger.failed++
      clicks.unanswered++
    }
  }

  /** All links, including those that were created but not acknowledged. */
  async function everyLink() {
    type Row = { id: number; short_code: string; original_url: string }
    const all: Row[] = []
    for (let page = 1; all.length === (page - 1) * PAGE; page++)
      all.push(...((await ask(base, config, 'GET', `/urls?q=${targets}/&per_page=${PAGE}&page=${page}`)) as Row[]))
    return all
  }

  function track(work: Promise<unknown>) {
    inFlight.add(work)
    void work.finally(() => inFlight.delete(work))
  }
  let turn = 0
  const redirects = setInterval(() => inFlight.size < 200 && track(redirect(turn++)), REDIRECT_EVERY)
  let changing = false
  const changes = setInterval(() => {
    if (changing) return
    changing = true
    track(change().finally(() => (changing = false)))
  }, CHANGE_EVERY)

  return {
    begin() {
      Object.assign(ledger, { redirects: 0, failed: 0, changes: 0, refused: 0 })
      times.length = 0
    },
    seen(): Ledger {
      const sorted = times.toSorted((a, b) => a - b)
      return { ...ledger, p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0 }
    },
    /**
     * Waits until four changes in a row are acknowledged, by any replica. Returns the ms until the first of them; undefined if it takes
     * too long.
     */
    async changesAgain(within: number): Promise<number | undefined> {
      const started = performance.now()
      let first = 0
      for (let row = 0; row < 4; ) {
        const before = performance.now() - started
        if (before > within) return undefined
        const { refused } = ledger
        const done = (await change()) && ledger.refused === refused
        if (done && row === 0) first = before
        row = done ? row + 1 : 0
        if (!done) await Bun.sleep(50)
      }
      return first
    },
    async stop() {
      clearInterval(redirects)
      clearInterval(changes)
      await Promise.all(inFlight)
    },
    /** Compares the ledger with the database; waits up to `within` ms for clicks in flight. */
    async audit(within: number) {
      const books = { acknowledged: links.length, lost: 0, doubled: 0, ...clicks, stored: 0, balanced: false }
      const existing = await everyLink()
      const found = new Map(existing.map((link) => [link.id, link]))
      books.doubled = existing.length - new Set(existing.map(({ original_url }) => original_url)).size
      for (const { id, short_code, target, unsure } of links) {
        const link = found.get(id)
        if (link?.short_code !== short_code || !(unsure || link.original_url === target)) books.lost++
      }
      const deadline = Date.now() + within
      do {
        books.stored = 0
        for (const { id } of existing) {
          const { clicks } = (await ask(base, config, 'GET', `/urls/${id}/stats`)) as { clicks: number }
          books.stored += clicks
        }
        if (books.stored < books.answered) await Bun.sleep(500)
      } while (books.stored < books.answered && Date.now() < deadline)
      const fits = books.stored >= books.answered && books.stored <= books.answered + books.unanswered
      return { ...books, balanced: fits && books.lost === 0 && books.doubled === 0 }
    },
    async clear() {
      for (const { id } of await everyLink()) await ask(base, config, 'DELETE', `/urls/${id}`).catch(() => {})
    },
  }
}
