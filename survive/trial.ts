// One fault: injected and ended; its impact, by the ledger and by what the fleet showed; and whether the promises were kept.
import { audit, findingsOf } from './audit.ts'
import type { Client } from './client.ts'
import { type Evidence, lookFor, untilQuiet } from './evidence.ts'
import type { Fault } from './fault.ts'
import { type Fleet, ownConnection } from './fleet.ts'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { openProbe } from './recovery.ts'
import type { Screen } from './screen.ts'

/** The promises: ms above what nginx alone takes at the same time, ms, seconds. */
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

/** The run that a fault is a part of. */
export type Trial = {
  fleet: Fleet
  screen: Screen | undefined
  client: Client
  ledger: Ledger
  random: Random
  run: string
  recovered: Awaited<ReturnType<typeof openProbe>>
  /** How long a fault lasts. */
  seconds: number
  /** ms since 1970. */
  began: number
}

export const BETWEEN = 1_000
const STORED_WITHIN = 20_000

export async function breakWith(
  fault: Fault,
  { fleet, screen, client, ledger, random, run, recovered, seconds, began }: Trial,
): Promise<Result> {
  const broken: string[] = []
  const notes: string[] = []
  await untilQuiet(fault, fleet)
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
    broken.push(`the fault could not be injected or ended: ${(error as Error).message}`)
  }
  const lasted = (Date.now() - started) / 1000
  const during = client.turn()
  const { seconds: recovery, last } = await recovered()
  if (recovery === undefined) broken.push(`not back to normal after 40 s: ${last}`)
  else if (recovery > LIMITS.recovery) broken.push(`back to normal after ${recovery.toFixed(1)} s: ${last}`)
  const since = started + lasted * 1000
  if (fault.cutsOff) setTimeout(() => client.endLag(since), Math.max(0, since + LIMITS.staleAfterReturn - Date.now()))
  for (const member of fleet.members)
    if (member.endedByItself()) {
      broken.push(`replica ${member.number} exited on its own with ${await member.replica.exited()}`)
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
  if (tooYoung > 0) notes.push(`${tooYoung} redirects failed, of links created during the fault or in the second before it`)
  if (fault.allAway && after.failures.length > 0) notes.push(`${after.failed} redirects failed after its end`)
  if (p99 - floor > LIMITS.p99 && !fault.allAway)
    broken.push(`p99 of redirects was ${Math.round(p99)} ms, and that of nginx alone ${Math.round(floor)} ms`)
  broken.push(...[...during.wrong, ...after.wrong].slice(0, 5))
  for (const [kind, seen] of Object.entries(evidence))
    if (!seen) broken.push(`no ${kind} showed it${early.some((one) => one === kind) ? ': it was there before the fault' : ''}`)

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

/** Clicks are stored a moment after their response. Findings are final when nothing is missing, or after a timeout. */
export async function auditWhenStored(fleet: Fleet, ledger: Ledger, run: string, mayMiss: number, period?: number) {
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

/** The lines that a run prints about it. */
export const lineOf = ({ fault, lasted, redirects, writes, clicks, recovery, evidence, notes, broken }: Result) =>
  `${broken.length === 0 ? 'ok   ' : 'BROKE'}  ${fault.padEnd(22)} ${lasted.toFixed(1).padStart(5)} s  ` +
  `${redirects.answered} redirects, ${redirects.failed} failed, p99 ${Math.round(redirects.p99)} (${Math.round(redirects.floor)}) ms  ` +
  `${writes.acknowledged} writes, ${writes.lost} lost, ${writes.doubled} doubled  ` +
  `${clicks.answered} clicks, ${clicks.stored} stored${clicks.dropped ? `, ${clicks.dropped} counted as lost` : ''}  ` +
  `normal after ${recovery?.toFixed(1) ?? '-'} s${notes.map((note) => `  (${note})`).join('')}${broken.map((what) => `\n         ${what}`).join('')}` +
  Object.entries(evidence)
    .map(([kind, line]) => (line ? `\n       ${kind}: ${line}` : ''))
    .join('')
