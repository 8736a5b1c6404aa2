// Links with a limit on clicks, and links with a window of time, visited throughout the run: no limit is ever exceeded, and no link redirects
// outside its window. Bounded: ALIVE links are visited at a time, KEPT are remembered.
import type { Random } from './random.ts'

/** `from` and `until` in ms since 1970. `redirects` were answered; `open` got no answer, and may have been. */
export type RuledLink = {
  code: string
  made: number
  limit?: number
  from?: number
  until?: number
  redirects: number
  open: number
  over: boolean
  wrong: string[]
}

type Answer = { status: number; began: number; ended: number }

export type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>

const ALIVE = 6
const KEPT = 5_000
/** ms that the clocks of replica and client may differ; they run on one machine. */
const CLOCK = 250
/** ms after which every replica knows a link. */
const SETTLED = 2_000
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }

/** `lags`: whether a replica may be cut off, or have the wrong time. Then windows are not judged; limits are. */
export function startRuled({ ask, run, random, lags }: { ask: Ask; run: string; random: Random; lags: () => boolean }) {
  const links: RuledLink[] = []
  let made = 0

  async function make() {
    const code = `${run}-r${++made}`
    const now = Date.now()
    const limited = made % 2 === 0
    const limit = limited ? random.whole(1, 60) : undefined
    const from = limited ? undefined : now + random.whole(SETTLED, 2 * SETTLED)
    const until = from === undefined ? undefined : from + random.whole(1_000, 8_000)
    const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())
    const rules = { max_clicks: limit, valid_from: iso(from), valid_until: iso(until) }
    const response = await ask('POST', '/urls', { original_url: `https://${run}.example/ruled`, short_code: code, ...rules })
    await response.arrayBuffer()
    if (response.status === 201 && links.length < KEPT)
      links.push({ code, made: Date.now(), limit, from, until, redirects: 0, open: 0, over: false, wrong: [] })
  }

  async function visit(link: RuledLink) {
    const began = Date.now()
    const lagged = lags()
    try {
      const response = await ask('GET', `/${link.code}`, undefined, BROWSER)
      await response.arrayBuffer()
      judge(link, { status: response.status, began, ended: Date.now() }, lagged || lags())
    } catch {
      link.open++
    }
  }

  return {
    /** Makes a link or visits one. */
    async act() {
      const alive = links.filter(({ over }) => !over)
      const link = random.of(alive)
      if (!link || alive.length < ALIVE) await make().catch(() => {})
      else if (link.made < Date.now() - SETTLED) await visit(link)
    },
    links: links as readonly RuledLink[],
  }
}

/** Counts an answer, and says what of it breaks the link's promise. Replicas that cannot know may refuse (503), but not redirect. */
export function judge(link: RuledLink, { status, began, ended }: Answer, lags = false) {
  const { limit, from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = link
  if (status === 410) link.over = true
  if (status === 302) {
    link.redirects++
    if (limit !== undefined && link.redirects > limit)
      link.wrong.push(`redirected ${link.redirects} times, with a limit of ${limit}`)
  }
  if (lags) return
  if (status === 302) {
    if (ended < from - CLOCK) link.wrong.push(`redirected ${from - ended} ms before its window`)
    if (began > until + CLOCK) link.wrong.push(`redirected ${began - until} ms after its window`)
  }
  const within = began > from + CLOCK && ended < until - CLOCK
  if (status === 410 && limit === undefined && within) link.wrong.push('has expired within its window')
  if (status === 404 && within) link.wrong.push('was not found within its window')
}

/** One line for each broken promise. */
export const findingsOf = (links: readonly RuledLink[]): string[] =>
  links.flatMap(({ code, wrong }) => wrong.map((what) => `${code} ${what}`))
