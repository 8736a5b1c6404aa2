// A fire drill for a fleet that may fail for a minute. Arms one fault after another on one replica while separate links are under load,
// and finally compares what was acknowledged with what is stored.
import type { Config } from '../config/config.ts'
import { ask, baseOf } from './ask.ts'
import { type Ledger, startLoad } from './drill-load.ts'

const LINKS = 20
const BACK_WITHIN = 5_000
const STORED_WITHIN = 20_000
const READY_WITHIN = 10_000

/** `expected`: the effect that is allowed during the fault. */
type Trial = { fault: string; share?: number; expected: string }
const TRIALS: Trial[] = [
  { fault: 'latency', expected: 'API requests wait' },
  { fault: 'errors', expected: 'API requests get 500' },
  { fault: 'database', expected: 'changes get 503' },
  { fault: 'cache', expected: 'redirects ask the database' },
  { fault: 'freeze-drain', expected: 'clicks wait' },
  { fault: 'cpu', share: 0.5, expected: 'everything is slower' },
]
const KILL: Trial = { fault: 'kill', expected: 'the other replicas take over' }

type Replica = { id: string; url: string | null; state: string; hostname: string }

/** `url`: the public address; default: the server with these settings. Exits 0 if all guarantees held, else 1. Deletes its links. */
export async function drillSurvive(config: Config, url: string | undefined, { seconds = 5, kill = false } = {}) {
  const base = (url ?? baseOf(config)).replace(/\/+$/, '')
  if (!config.CHAOS_TOKEN) throw new Error('CHAOS_TOKEN is required: set it to the fleet’s token')
  const headers = { 'X-Chaos-Token': config.CHAOS_TOKEN }
  const victim = await chooseVictim(base, config, kill)
  const endFaults = () => ask(victim, config, 'DELETE', '/chaos', { headers })
  await endFaults() // fails at once if the token is wrong
  const interrupted = () => void endFaults().finally(() => process.exit(1))
  process.once('SIGINT', interrupted)

  const load = await startLoad(base, config, LINKS)
  let held = true
  try {
    console.log(`breaking ${victim} for ${seconds} s at a time, requests go to ${base}\n`)
    console.log('fault         redirects  failed  p99 ms  changes  refused  back after  held')
    for (const { fault, share, expected } of kill ? [...TRIALS, KILL] : TRIALS) {
      load.begin()
      const body = fault === 'kill' ? { fault } : { fault, share, duration: seconds }
      await ask(victim, config, 'POST', '/chaos', { headers, body })
      await Bun.sleep(seconds * 1000)
      if (fault !== 'kill') await endFaults()
      const back = await load.changesAgain(fault === 'kill' ? 30_000 : BACK_WITHIN)
      const ledger = load.seen()
      const ok = ledger.failed === 0 && back !== undefined
      held &&= ok
      console.log(lineOf(fault, ledger, back, ok ? `yes (${expected})` : 'NO'))
    }
  } finally {
    process.off('SIGINT', interrupted)
    await endFaults().catch(() => {})
    await load.stop()
  }
  const books = await load.audit(STORED_WITHIN)
  await load.clear()
  console.log(`\nchanges acknowledged ${books.acknowledged}, lost ${books.lost}, doubled ${books.doubled}`)
  console.log(`clicks answered ${books.answered}, stored ${books.stored}, unknown for ${books.unanswered} redirects`)
  held &&= books.balanced
  console.log(held ? 'everything held' : 'NOT everything held')
  process.exitCode = held ? 0 : 1
}

/**
 * Chooses a replica that is reachable directly: behind `base`, each request may reach a different one. A fleet that has just started
 * reports its replicas as ready one heartbeat later, so this retries for up to 10 s.
 */
async function chooseVictim(base: string, config: Config, kill: boolean): Promise<string> {
  const needed = kill ? 2 : 1
  for (const deadline = Date.now() + READY_WITHIN; ; await Bun.sleep(500)) {
    const { replicas } = (await ask(base, config, 'GET', '/api/fleet')) as { replicas: Replica[] }
    const ready = replicas.filter(({ state }) => state === 'ready')
    const victim = ready.at(-1)
    if (victim && ready.length >= needed) return ready.length === 1 || !victim.url ? base : victim.url
    if (Date.now() > deadline)
      throw new Error(
        kill ? `--kill needs two ready replicas, but ${ready.length} are ready` : 'no replica is ready: check /ready of each',
      )
  }
}

function lineOf(fault: string, { redirects, failed, p99, changes, refused }: Ledger, back: number | undefined, held: string) {
  const cells = [fault.padEnd(12), String(redirects).padStart(10), String(failed).padStart(6), p99.toFixed(1).padStart(6)]
  const after = back === undefined ? 'not at all' : `${(back / 1000).toFixed(1)} s`
  return [...cells, String(changes).padStart(7), String(refused).padStart(7), after.padStart(10), held].join('  ')
}
