// The faults that can be armed, with their texts.
import type { Fault, PastFault } from '../../src/chaos/schema.ts'

/** `of`: what its share refers to; without it the fault affects everything. */
export const FAULTS: { name: Fault; title: string; does: string; expect: string; of?: string }[] = [
  {
    name: 'errors',
    title: 'Errors',
    does: 'Fails a share of API requests with 500.',
    expect: 'the “High error rate” alert fires; clients retry. Redirects by /:code keep working.',
    of: 'requests',
  },
  {
    name: 'latency',
    title: 'Latency',
    does: 'Delays a share of API requests.',
    expect: 'p99 rises; nothing is lost. Redirects by /:code are not delayed.',
    of: 'requests',
  },
  {
    name: 'database',
    title: 'Database unreachable',
    does: 'Makes the replica act as if the database were unreachable.',
    expect:
      'known links keep redirecting, clicks are queued, changes get 503. With a smaller share, that share of queries fails.',
    of: 'queries',
  },
  {
    name: 'cache',
    title: 'Caches off',
    does: 'Turns both caches off: every redirect queries the database.',
    expect: 'redirects have X-Cache: MISS and take longer; none fail while the database responds.',
    of: 'look-ups',
  },
  {
    name: 'freeze-drain',
    title: 'Drain frozen',
    does: 'Clicks are recorded but not written to the database.',
    expect: 'the backlog grows and the “Click backlog” alert fires; afterwards every click is stored exactly once.',
  },
  {
    name: 'cpu',
    title: 'CPU',
    does: 'Keeps every core of the machine busy for a share of the time.',
    expect: 'p99 and event-loop lag rise; other programs on the machine slow down too.',
    of: 'every core',
  },
  {
    name: 'memory',
    title: 'Memory',
    does: 'Takes a share of 1 GiB, or of half of the free memory if that is less.',
    expect: 'memory rises, and falls when it ends; nothing else changes.',
    of: '1 GiB',
  },
  {
    name: 'kill',
    title: 'Kill',
    does: 'The replica drains and exits with 75; its supervisor starts it again.',
    expect: 'the other replicas take over; no click is lost.',
  },
]

/** "Errors: 20 % of requests", "Latency: 200 ms on every request" */
export function described({
  fault,
  share = 1,
  latency_ms = 0,
}: Pick<PastFault, 'fault'> & Partial<Pick<PastFault, 'share' | 'latency_ms'>>): string {
  const of = share < 1 ? `${percent(share)} of requests` : 'every request'
  const known = FAULTS.find(({ name }) => name === fault)
  const title = known?.title ?? fault
  if (fault === 'errors') return `${title}: ${of}`
  if (fault === 'latency') return `${title}: ${latency_ms} ms on ${of}`
  return known?.of && (share < 1 || fault === 'cpu' || fault === 'memory') ? `${title}: ${percent(share)} of ${known.of}` : title
}

export const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
