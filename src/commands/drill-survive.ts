// A fire drill for a fleet that may be broken for a minute: one fault after another on one replica, links of its own under load meanwhile,
// and at the end what was acknowledged is compared with what is there.
import type { Config } from '../config.ts'
import { ask, baseOf } from './ask.ts'
import { type Ledger, startLoad } from './drill-load.ts'

const LINKS = 20
const BACK_WITHIN = 5_000
const STORED_WITHIN = 20_000

/** `expected`: which requests may fail while it lasts. */
type Trial = { fault: string; share?: number; expected: string }
const TRIALS: Trial[] = [
  { fault: 'latency', expected: 'API requests wait' },
  { fault: 'errors', expected: 'API requests answer 500' },
  { fault: 'database', expected: 'changes answer 503' },
  { fault: 'cache', expected: 'redirects ask the database' },
  { fault: 'freeze-drain', expected: 'clicks wait' },
  { fault: 'cpu', share: 0.5, expected: 'all is slower' },
]
const KILL: Trial = { fault: 'kill', expected: 'the other replicas take over' }

type Replica = { id: string; url: string | null; state: string; hostname: string }

/** `url`: where visitors ask, the server of these settings if unset. Exits 0 where everything held, 1 where not, and leaves no link behind. */
export async function drillSurvive(config: Config, url: string | undefined, { seconds = 5, kill = false } = {}) {
  const base = (url ?? baseOf(config)).replace(/\/+$/, '')
  if (!config.CHAOS_TOKEN) throw new Error('CHAOS_TOKEN must be that of the fleet')
  const headers = { 'X-Chaos-Token': config.CHAOS_TOKEN }
  const victim = await chooseVictim(base, config, kill)
  const endFaults = () => ask(victim, config, 'DELETE', '/chaos', { headers })
  await endFaults() // says at once when the token is wrong
  const interrupted = () => void endFaults().finally(() => process.exit(1))
  process.once('SIGINT', interrupted)

  const load = await startLoad(base, config, LINKS)
  let held = true
  try {
    console.log(`breaking ${victim} for ${seconds} s at a time, asking ${base}\n`)
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
  console.log(`clicks answered ${books.answered}, stored ${books.stored}, of ${books.unanswered} redirects it is not known`)
  held &&= books.balanced
  console.log(held ? 'everything held' : 'NOT everything held')
  process.exitCode = held ? 0 : 1
}

/** A replica that can be reached by itself: the one that answers may be another with each request to `base`. */
async function chooseVictim(base: string, config: Config, kill: boolean): Promise<string> {
  const { replicas } = (await ask(base, config, 'GET', '/api/fleet')) as { replicas: Replica[] }
  const alive = replicas.filter(({ state }) => state === 'ready')
  if (kill && alive.length < 2) throw new Error(`--kill wants two replicas that are ready, and there are ${alive.length}`)
  const victim = alive.at(-1)
  if (!victim) throw new Error('no replica is ready')
  return alive.length === 1 || !victim.url ? base : victim.url
}

function lineOf(fault: string, { redirects, failed, p99, changes, refused }: Ledger, back: number | undefined, held: string) {
  const cells = [fault.padEnd(12), String(redirects).padStart(10), String(failed).padStart(6), p99.toFixed(1).padStart(6)]
  const after = back === undefined ? 'not at all' : `${(back / 1000).toFixed(1)} s`
  return [...cells, String(changes).padStart(7), String(refused).padStart(7), after.padStart(10), held].join('  ')
}
