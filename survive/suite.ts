// One run: the load, one fault after another, memory and descriptors of the replicas, and at the end the ledger compared with the database.
import { findingsOf } from './audit.ts'
import { startClient } from './client.ts'
import type { Fault } from './fault.ts'
import { startFleet } from './fleet.ts'
import { growth, percent, type Sample, type Settled, settledFootprints, watchFootprints } from './footprints.ts'
import { openLedger } from './ledger.ts'
import { randomFrom } from './random.ts'
import { openProbe } from './recovery.ts'
import { findingsOf as ruledFindings } from './ruled.ts'
import { canLook, openScreen, type Screen } from './screen.ts'
import { auditWhenStored, BETWEEN, breakWith, lineOf, type Result, type Trial } from './trial.ts'

export type Run = {
  seed: number
  /** As requested; a run takes longer. */
  minutes: number
  began: string
  seconds: number
  rate: number
  /** Whether replicas were cut off by separate networks. */
  ownNetwork: boolean
  results: Result[]
  skipped: { fault: string; reason: string }[]
  /** Whether the console was checked. */
  looked: boolean
  timeline: { at: number; redirects: number; failed: number; worst: number }[]
  /** In a long run: after each fault alone, when the second half began, and at the end. */
  stages: Settled[]
  /** Every few seconds. */
  samples: Sample[]
  audit: { links: number; writes: number; clicks: number; findings: string[] }
  /** Links with a limit on clicks or a window, and how often they redirected. */
  ruled: { limited: number; windows: number; redirects: number; findings: number }
  broken: string[]
}

type Wanted = { seed: number; minutes: number; faults: Fault[]; say: (sentence: string) => void }

const RATE = 80
const OVERHEAD = 5 // seconds that a fault takes in addition to its duration: recovery, audit, pause
export const LONG = 45 // minutes from which memory and descriptors are checked
export const MAY_GROW = 1.1

/**
 * Injects each of `faults` alone, in an order derived from the seed, then random ones until the time is up. In a long run the time starts with the
 * first measurement of memory, and in its second half no fault restarts replicas: a process that is restarted every few minutes cannot show a leak.
 * Before each measurement every process has been through each fault that restarts nothing: JavaScriptCore keeps the blocks of its fullest heap.
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
        if (!replica.lives()) broken.push(`replica ${number} exited on its own between the faults`)
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
    const trial: Trial = { fleet, screen, client, ledger, random, run, recovered, seconds, began }
    const go = async (fault: Fault) => {
      const result = await breakWith(fault, trial)
      results.push(result)
      say(lineOf(result))
    }
    const each = async (among: Fault[]) => {
      for (const fault of random.shuffled(among)) await go(fault)
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
    broken.push(...ruledFindings(client.ruled).slice(0, 20))
    return {
      seed,
      minutes,
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
      ruled: {
        limited: client.ruled.filter(({ limit }) => limit !== undefined).length,
        windows: client.ruled.filter(({ from }) => from !== undefined).length,
        redirects: client.ruled.reduce((sum, { redirects }) => sum + redirects, 0),
        findings: ruledFindings(client.ruled).length,
      },
      broken,
    }
  } finally {
    await screen?.close().catch(() => {})
    await fleet.stop()
  }
}

const grown = (stages: Settled[]): string[] =>
  (['memory', 'descriptors'] as const)
    .filter((what) => (growth(stages, what) ?? 1) > MAY_GROW)
    .map((what) => `${what} of a replica: ${percent(growth(stages, what))}`)
