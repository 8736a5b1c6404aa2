// One run: the load, one fault after another, what each cost, and whether what must hold did.
import { audit, findingsOf } from './audit.ts'
import { startClient } from './client.ts'
import { type Evidence, lookFor } from './evidence.ts'
import type { Fault } from './fault.ts'
import { type Fleet, ownConnection, startFleet } from './fleet.ts'
import { growth, percent, type Sample, type Settled, settledFootprints, watchFootprints } from './footprints.ts'
import { openLedger } from './ledger.ts'
import { randomFrom } from './random.ts'
import { openProbe } from './recovery.ts'
import { canLook, openScreen, type Screen } from './screen.ts'

/** What must hold: ms above what nginx alone takes at the same time, ms, seconds. */
export const LIMITS = { p99: 250, staleAfterReturn: 5_000, recovery: 5 }

export type Result = {
  fault: string
  about: string
  /** Seconds since the start of the run, and how long the fault lasted. */
  at: number
  lasted: number
  redirects: { answered: number; failed: number; p99: number; floor: number }
  writes: { acknowledged: number; lost: number; doubled: number }
  clicks: { answered: number; stored: number; lost: number; doubled: number; dropped: number }
  api: { answered: number; failed: number }
  recovery: number | undefined
  evidence: Evidence
  notes: string[]
  broken: string[]
}

export type Run = {
  seed: number
  began: string
  seconds: number
  rate: number
  /** Whether replicas were cut off by a network of their own. */
  ownNetwork: boolean
  results: Result[]
  skipped: { fault: string; reason: string }[]
  /** Whether the console was looked at. */
  looked: boolean
  timeline: { at: number; redirects: number; failed: number; worst: number }[]
  /** In a long run: after each fault alone, when the second half began, and at the end. */
  stages: Settled[]
  /** Every few seconds. */
  samples: Sample[]
  audit: { links: number; writes: number; clicks: number; findings: string[] }
  broken: string[]
}

type Wanted = { seed: number; minutes: number; faults: Fault[]; say: (sentence: string) => void }

const RATE = 80
const BETWEEN = 1_000
const OVERHEAD = 5 // seconds that a fault takes beside its own: recovery, audit, pause
const STORED_WITHIN = 20_000
export const LONG = 45 // minutes from which the footprint is judged
export const MAY_GROW = 1.1

/**
 * Each of `faults` alone, in an order made from the seed; then one after another at random, until the time is up. In a long run the time begins when
 * memory was looked at for the first time, and in its second half no fault restarts replicas: a process that is started anew every few minutes cannot
 * show what leaks. Before each look every process has lived through each fault that restarts none: JavaScriptCore keeps the blocks that its heap had
 * at its fullest.
 */
export async function survive({ seed, minutes, faults, say }: Wanted): Promise<Run> {
  const random = randomFrom(seed)
  const fleet = await startFleet()
  const run = `s${seed}x${Date.now().toString(36)}`
  const ledger = openLedger()
  const began = Date.now()
  const skipped: Run['skipped'] = []
  const results: Result[] = []
  const broken: string[] = []
  let screen: Screen | undefined
  try {
    await Promise.all(faults.map((fault) => fault.prepare?.(fleet)))
    if (canLook) screen = await openScreen(fleet)
    else say('SKIPPED the signs of the console')
    ledger.begin('start')
    const client = startClient({ url: fleet.url, token: fleet.token, run, ledger, random, rate: RATE })
    fleet.onKill(client.expectKill)
    await client.warmUp()
    const recovered = await openProbe(fleet)
    await recovered()
    await Bun.sleep(BETWEEN)
    const stages: Settled[] = []
    const settle = async () => {
      client.turn()
      stages.push(await settledFootprints(fleet, client))
      const { failures, wrong } = client.turn()
      broken.push(...[...failures, ...wrong].map((what) => `between the faults: ${what}`))
      for (const { number, replica } of fleet.members)
        if (!replica.lives()) broken.push(`replica ${number} ended by itself between the faults`)
    }
    const samples = watchFootprints(fleet, began)

    const possible = faults.filter((fault) => {
      const reason = fault.lacks?.(fleet)
      if (reason) skipped.push({ fault: fault.name, reason })
      return !reason
    })
    const lasting = possible.filter(({ restarts }) => !restarts)
    const span = minutes * 60_000
    const seconds = Math.min(15, Math.max(3, (span / 1000 - 20) / Math.max(1, possible.length) - OVERHEAD))
    const stage = { fleet, screen, client, ledger, random, run, recovered, seconds, began }
    const go = async (fault: Fault) => {
      const result = await breakWith(fault, stage)
      results.push(result)
      say(lineOf(result))
    }
    const each = async (among: Fault[]) => {
      for (const fault of shuffled(among, random)) await go(fault)
    }
    const goOn = async (among: Fault[], until: number) => {
      while (among.length > 0 && Date.now() + (seconds + OVERHEAD) * 1000 < until) await go(random.of(among))
    }
    if (minutes < LONG) {
      await each(possible)
      await goOn(possible, began + span)
    } else {
      await each(possible.filter(({ restarts }) => restarts))
      await each(lasting)
      await settle()
      const start = Date.now()
      await goOn(possible, start + span / 2)
      await each(lasting)
      await settle()
      await goOn(lasting, start + span)
      await settle()
    }
    await client.stop()
    const expected = results.reduce((sum, { clicks }) => sum + clicks.dropped, 0)
    const last = await auditWhenStored(fleet, ledger, run, expected)
    const findings = findingsOf(last)
    const lost = last.clicks.lost.length
    const forgiven = lost <= expected ? findings.filter((finding) => !last.clicks.lost.includes(finding)) : findings
    broken.push(...results.flatMap((result) => result.broken.map((what) => `${result.fault}: ${what}`)))
    broken.push(...forgiven.slice(0, 20).map((finding) => `at the end: ${finding}`))
    const total = (Date.now() - began) / 1000
    broken.push(...grown(stages))
    return {
      seed,
      began: new Date(began).toISOString(),
      seconds: total,
      rate: RATE,
      ownNetwork: fleet.ownNetwork,
      results,
      skipped,
      looked: screen !== undefined,
      timeline: client.seconds.map(({ at, ...rest }) => ({ at: at - Math.floor(began / 1000), ...rest })),
      stages,
      samples: samples(),
      audit: { links: ledger.links.length, writes: last.writes.acknowledged, clicks: last.clicks.answered, findings: forgiven },
      broken,
    }
  } finally {
    await screen?.close().catch(() => {})
    await fleet.stop()
  }
}

type Running = {
  fleet: Fleet
  screen: Screen | undefined
  client: ReturnType<typeof startClient>
  ledger: ReturnType<typeof openLedger>
  random: ReturnType<typeof randomFrom>
  run: string
  recovered: Awaited<ReturnType<typeof openProbe>>
  seconds: number
  began: number
}

async function breakWith(
  fault: Fault,
  { fleet, screen, client, ledger, random, run, recovered, seconds, began }: Running,
): Promise<Result> {
  const broken: string[] = []
  const notes: string[] = []
  const period = ledger.begin(fault.name)
  client.turn()
  const look = await lookFor(fault, fleet, screen)
  const started = Date.now()
  if (fault.cutsOff) client.mayLag(started)
  const lasts = Math.max(seconds, fault.atLeast ?? 0)
  let mayLose = () => 0
  try {
    const made = await fault.begin(fleet, { client, random, seconds: lasts, note: (sentence) => notes.push(sentence) })
    mayLose = made.mayLose ?? mayLose
    await Bun.sleep(Math.max(0, started + lasts * 1000 - Date.now()))
    await made.end()
  } catch (error) {
    broken.push(`the fault could not be made or ended: ${(error as Error).message}`)
  }
  const lasted = (Date.now() - started) / 1000
  const during = client.turn()
  const { seconds: recovery, last } = await recovered()
  if (recovery === undefined) broken.push(`not as it was after 40 s: ${last}`)
  else if (recovery > LIMITS.recovery) broken.push(`back to normal after ${recovery.toFixed(1)} s: ${last}`)
  const since = started + lasted * 1000
  if (fault.cutsOff) setTimeout(() => client.endLag(since), Math.max(0, since + LIMITS.staleAfterReturn - Date.now()))
  for (const member of fleet.members)
    if (member.endedByItself()) {
      broken.push(`replica ${member.number} ended by itself with ${await member.replica.exited()}`)
      await member.start()
    }
  await Bun.sleep(BETWEEN)
  const after = client.turn()

  const found = await auditWhenStored(fleet, ledger, run, mayLose(), period)
  const { evidence, early } = await look() // a journal may be adopted only now
  const dropped = Math.min(found.clicks.lost.length, mayLose())
  const findings = findingsOf(found)
  const forgiven = dropped === found.clicks.lost.length ? findings.filter((one) => !found.clicks.lost.includes(one)) : findings
  broken.push(...forgiven.slice(0, 5))
  if (forgiven.length > 5) broken.push(`and ${forgiven.length - 5} more findings`)

  const failed = during.failed + after.failed
  const latencies = [...during.latencies, ...after.latencies]
  const p99 = p99Of(latencies)
  const floor = p99Of([...during.floor, ...after.floor])
  if (failed > 0 && !fault.allAway)
    broken.push(`${failed} redirects of known links failed: ${[...during.failures, ...after.failures][0]}`)
  const tooYoung = during.tooYoung + after.tooYoung
  if (tooYoung > 0) notes.push(`${tooYoung} redirects of links made in the second before it, or meanwhile, failed`)
  if (fault.allAway && after.failures.length > 0) notes.push(`${after.failed} redirects failed after its end`)
  if (p99 - floor > LIMITS.p99 && !fault.allAway)
    broken.push(`p99 of redirects was ${Math.round(p99)} ms, and ${Math.round(floor)} ms of what nginx answers alone`)
  broken.push(...[...during.wrong, ...after.wrong].slice(0, 5))
  for (const [kind, seen] of Object.entries(evidence))
    if (!seen)
      broken.push(`no ${kind} showed it${early.some((one) => one === kind) ? ': what it is to say was said before' : ''}`)

  return {
    fault: fault.name,
    about: fault.about,
    at: (started - began) / 1000,
    lasted,
    redirects: { answered: latencies.length, failed, p99, floor },
    writes: {
      acknowledged: found.writes.acknowledged,
      lost: found.writes.lost.length + found.rows.length,
      doubled: found.writes.doubled.length,
    },
    clicks: {
      answered: found.clicks.answered,
      stored: found.clicks.stored,
      lost: found.clicks.lost.length - dropped,
      doubled: found.clicks.doubled.length + found.clicks.stray.length,
      dropped,
    },
    api: { answered: during.api.answered + after.api.answered, failed: during.api.failed + after.api.failed },
    recovery,
    evidence,
    notes,
    broken,
  }
}

/** Clicks are stored a moment after they were answered: what is found is final when nothing is missing, or that took too long. */
async function auditWhenStored(fleet: Fleet, ledger: Running['ledger'], run: string, mayMiss: number, period?: number) {
  const until = Date.now() + STORED_WITHIN
  for (;;) {
    const sql = ownConnection(fleet.pair.url())
    try {
      const found = await audit(sql, ledger, run, period)
      const whole = found.clicks.lost.length <= mayMiss && found.counters.length === 0
      if (whole || Date.now() > until) return found
    } finally {
      await sql.end({ timeout: 1 })
    }
    await Bun.sleep(500)
  }
}

const p99Of = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0

const grown = (stages: Settled[]): string[] =>
  (['memory', 'descriptors'] as const)
    .filter((what) => (growth(stages, what) ?? 1) > MAY_GROW)
    .map((what) => `${what} of a replica: ${percent(growth(stages, what))}`)

function shuffled<T>(list: T[], random: Running['random']): T[] {
  const left = [...list]
  return list.map(() => left.splice(random.whole(0, left.length - 1), 1)[0]!)
}

const lineOf = ({ fault, lasted, redirects, writes, clicks, recovery, evidence, notes, broken }: Result) =>
  `${broken.length === 0 ? 'held' : 'BROKE'}  ${fault.padEnd(22)} ${lasted.toFixed(1).padStart(5)} s  ` +
  `${redirects.answered} redirects, ${redirects.failed} failed, p99 ${Math.round(redirects.p99)} (${Math.round(redirects.floor)}) ms  ` +
  `${writes.acknowledged} writes, ${writes.lost} lost, ${writes.doubled} doubled  ` +
  `${clicks.answered} clicks, ${clicks.stored} stored${clicks.dropped ? `, ${clicks.dropped} dropped as announced` : ''}  ` +
  `normal after ${recovery?.toFixed(1) ?? '-'} s${notes.map((note) => `  (${note})`).join('')}${broken.map((what) => `\n         ${what}`).join('')}` +
  Object.entries(evidence)
    .map(([kind, line]) => (line ? `\n       ${kind}: ${line}` : ''))
    .join('')
