// The steady load: mostly redirects, and creates, updates, reads and deletes, by a clock that does not wait for responses. The responses go into the
// ledger. Each request has its own connection: the client repeats none, and none times out when idle.
import { markOf } from './audit.ts'
import { CLICK, type Ledger, type Link, mayLeadTo, type Outcome } from './ledger.ts'
import type { Random } from './random.ts'
import { startRuled } from './ruled.ts'

export type Client = ReturnType<typeof startClient>

/** What visitors met in a period. */
export type Seen = {
  redirects: number
  failed: number
  /** ms, of every redirect that was answered. */
  latencies: number[]
  /** ms, of what nginx answers without a replica, at the same time: what this machine takes by itself. */
  floor: number[]
  /** Sentences, the first 20 of each kind. */
  failures: string[]
  /** Of links so young that no replica could copy them before the fault. */
  tooYoung: number
  wrong: string[]
  api: { answered: number; failed: number }
}

/** By second, for the plot. */
export type Second = { at: number; redirects: number; failed: number; worst: number }

type Options = { url: string; token: string; run: string; ledger: Ledger; random: Random; rate: number }

const PATIENCE = 10_000
const IN_FLIGHT = 300 // at most; further requests are not sent
const SETTLED = 2_000 // ms: a link this old is known to every replica
const STALE = 1_000 // what a replica may lag
const HOT = 50 // links that most visitors want
const KEPT = 20
const FLOOR_RATE = 10
const LINKS_AT_START = 30

/** `rate` requests a second in all. Resolves when the first links are there. */
export function startClient({ url, token, run, ledger, random, rate }: Options) {
  const seconds: Second[] = []
  const inFlight = new Set<number>() // marks of clicks
  const writable: Link[] = []
  let seen = nothingSeen()
  let underWay = 0
  let targets = 0
  let lagSince: number | undefined
  let stopped = false
  let resting = false
  let pace = 1
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

  async function ask(method: string, path: string, body?: unknown, more: Record<string, string> = headers) {
    underWay++
    try {
      return await fetch(url + path, {
        method,
        headers: more,
        body: body === undefined ? undefined : JSON.stringify(body),
        redirect: 'manual',
        keepalive: false,
        signal: AbortSignal.timeout(PATIENCE),
      })
    } finally {
      underWay--
    }
  }

  const newTarget = () => `https://${run}.example/${++targets}`

  /** What an answer says about a write: only a plain refusal says that it did not happen. */
  const outcomeOf = ({ status }: Response): Outcome =>
    status < 300 ? 'acknowledged' : [400, 401, 403, 409, 415, 422, 429].includes(status) ? 'refused' : 'unknown'

  async function create() {
    const target = newTarget()
    const write = ledger.write('create', now(), target)
    if (!write) return
    const custom = random.next() < 0.3 ? { short_code: `${run}-${targets}` } : {}
    try {
      const response = await ask('POST', '/urls', { original_url: target, ...custom })
      const outcome = outcomeOf(response)
      const made = (await response.json()) as { id: number; short_code: string }
      ledger.answer(write, outcome, now(), outcome === 'acknowledged' ? { id: made.id, code: made.short_code } : undefined)
      if (write.link) writable.push(write.link)
      answered(outcome === 'acknowledged')
    } catch {
      ledger.answer(write, 'unknown', now())
      answered(false)
    }
  }

  /** Changes or deletes a link that nobody else writes just now. */
  async function change(kind: 'update' | 'delete') {
    const place = random.whole(0, writable.length - 1)
    const link = writable[place]
    if (!link || link.closed || link.writes[0]!.answered! > now() - SETTLED) return
    if (kind === 'delete' && place < HOT) return
    const target = kind === 'update' ? newTarget() : undefined
    const write = ledger.write(kind, now(), target, link)
    if (!write) return
    try {
      const response = await (kind === 'update'
        ? ask('PATCH', `/urls/${link.id}`, { original_url: target })
        : ask('DELETE', `/urls/${link.id}`))
      await response.arrayBuffer()
      if (response.status === 404 && kind === 'update') note(seen.wrong, `update of ${link.code} got 404`)
      ledger.answer(write, outcomeOf(response), now())
      answered(write.outcome === 'acknowledged')
    } catch {
      ledger.answer(write, 'unknown', now())
      answered(false)
    }
    if (kind === 'delete') writable.splice(writable.indexOf(link), 1)
  }

  async function read() {
    const link = random.of(writable)
    if (!link || link.writes[0]!.answered! > now() - SETTLED) return
    const began = now()
    try {
      const response = await ask('GET', `/urls/${link.id}`)
      const body = (await response.json()) as { original_url: string }
      const told = response.status === 404 ? undefined : body.original_url
      if (response.status === 200 || response.status === 404) {
        const may = mayLeadTo(link, began, now(), 0)
        if (!may.has(told))
          note(seen.wrong, `a read of ${link.code} said ${told ?? 'that it is gone'}, and should ${[...may].join(' or ')}`)
        answered(true)
      } else answered(false)
    } catch {
      answered(false)
    }
  }

  async function visit(given?: Link) {
    const link =
      given ??
      (random.next() < 0.8 ? ledger.links[random.whole(0, Math.min(HOT, ledger.links.length) - 1)] : random.of(ledger.links))
    if (!link || link.writes[0]!.answered! > now() - SETTLED) return
    const mark = ledger.click(link)
    if (mark === undefined) return
    const began = now()
    const period = seen
    inFlight.add(mark)
    period.redirects++
    try {
      const response = await ask('GET', `/${link.code}`, undefined, { referer: `https://${markOf(run, mark)}/` })
      const ended = now()
      const lag = lagSince === undefined ? STALE : Math.max(STALE, began - lagSince + STALE)
      const may = mayLeadTo(link, began, ended, lag)
      const led = response.status === 302 ? (response.headers.get('location') ?? '') : undefined
      if (response.status === 302) ledger.clicked(mark, CLICK.answered)
      else if (response.status < 500) ledger.clicked(mark, CLICK.none)
      const failed = response.status !== 302 && !([404, 429].includes(response.status) && may.has(undefined)) // of a deleted link, which counts as unknown
      const known = lagSince === undefined || link.writes[0]!.answered! < lagSince - STALE
      if (failed && !known) {
        period.tooYoung++
        return
      }
      if (failed) note(period.failures, `${link.code} was answered ${response.status}`)
      else if (!may.has(led))
        note(period.wrong, `${link.code} led to ${led ?? 'nowhere'}, and should to ${[...may].join(' or ')}`)
      visited(period, began, ended - began, failed)
    } catch (error) {
      note(period.failures, `${link.code}: ${(error as Error).name} ${(error as Error).message}`)
      visited(period, began, now() - began, true)
    } finally {
      inFlight.delete(mark)
    }
  }

  function visited(period: Seen, began: number, ms: number, failed: boolean) {
    if (failed) period.failed++
    else period.latencies.push(ms)
    const at = Math.floor(began / 1000)
    let second = seconds.at(-1)
    if (!second || second.at < at) seconds.push((second = { at, redirects: 0, failed: 0, worst: 0 }))
    second.redirects++
    if (failed) second.failed++
    second.worst = Math.max(second.worst, ms)
  }

  const answered = (well: boolean) => void (well ? seen.api.answered++ : seen.api.failed++)

  const ruled = startRuled({ ask, run, random, lags: () => lagSince !== undefined })
  const KINDS: [share: number, act: () => Promise<void>][] = [
    [0.7, visit],
    [0.74, ruled.act],
    [0.82, create],
    [0.91, () => change('update')],
    [0.92, () => change('delete')],
    [1, read],
  ]
  let due = now()
  const clock = setInterval(() => {
    for (; due <= now(); due += 1000 / (rate * pace)) {
      const choice = random.next()
      if (stopped || resting || underWay >= IN_FLIGHT) continue
      void KINDS.find(([share]) => choice < share)![1]()
    }
  }, 10)

  const floorClock = setInterval(async () => {
    const began = now()
    const period = seen
    if (stopped || resting || underWay >= IN_FLIGHT) return
    await ask('GET', '/%5C', undefined, {}).catch(() => {}) // nginx itself says 404
    period.floor.push(now() - began)
  }, 1000 / FLOOR_RATE)

  return {
    seconds,
    /** Links with limits and windows, and what they were answered. */
    ruled: ruled.links,
    /** Makes the first links, before there is a fault. */
    async warmUp() {
      await Promise.all(Array.from({ length: LINKS_AT_START }, create))
      await Bun.sleep(SETTLED)
    },
    /** What is seen from now on; what was seen is the caller's. */
    turn(): Seen {
      const before = seen
      seen = nothingSeen()
      return before
    },
    /** A replica may be killed now: clicks in flight may be recorded there, and by the next replica. */
    expectKill() {
      for (const mark of inFlight) ledger.clicks[mark]! |= CLICK.atKill
    },
    /** So many visitors at once. */
    crowd: (count: number) => void Array.from({ length: count }, () => visit()),
    /** From now on replicas may show what was so at `since`. */
    mayLag(since: number) {
      lagSince = since
    },
    /** They may not lag any more, unless they were allowed to after `before`. */
    endLag(before: number) {
      if (lagSince !== undefined && lagSince <= before) lagSince = undefined
    },
    /** So many times the rate from now on. */
    pace: (times: number) => void (pace = times),
    /** Nothing is asked while it lasts. */
    rest: (lasts: boolean) => void (resting = lasts),
    /** Resolves when all that was asked is answered, or was given up. */
    async stop() {
      stopped = true
      clearInterval(clock)
      clearInterval(floorClock)
      while (underWay > 0) await Bun.sleep(20)
      await Bun.sleep(20)
    },
  }
}

const nothingSeen = (): Seen => ({
  redirects: 0,
  failed: 0,
  latencies: [],
  floor: [],
  failures: [],
  tooYoung: 0,
  wrong: [],
  api: { answered: 0, failed: 0 },
})

const note = (list: string[], sentence: string) => void (list.length < KEPT && list.push(sentence))

const now = () => performance.timeOrigin + performance.now()
