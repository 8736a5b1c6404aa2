// The faults that can be armed, in words for those who arm them.
export type FaultName = 'latency' | 'errors' | 'database' | 'cache' | 'freeze-drain' | 'cpu' | 'memory' | 'kill'

export type Armed = { fault: string; until: string; share: number; latency_ms?: number; by?: string }

/** Counted in so many seconds. */
export type Stretch = {
  seconds: number
  requests: number
  errors: number
  mean_ms: number
  clicks: number
  stored: number
  dropped: number
}

export type Past = {
  fault: string
  from: string
  to: string | null
  share?: number
  latency_ms?: number
  by?: string
  evidence?: { before: Stretch; while: Stretch; after: Stretch | null }
}

export type ChaosState = { enabled: boolean; armed: Armed[]; history: Past[] }

/** `of`: what its share is of; without one it hits everything. */
export const FAULTS: { name: FaultName; title: string; does: string; expect: string; of?: string }[] = [
  {
    name: 'errors',
    title: 'Errors',
    does: 'Answers a share of API requests with 500 before they are looked at.',
    expect: 'The alert high error rate fires; clients try again. Redirects by /:code go on.',
    of: 'requests',
  },
  {
    name: 'latency',
    title: 'Latency',
    does: 'Lets a share of API requests wait before they are answered.',
    expect: 'p99 rises; nothing is lost. Redirects by /:code do not wait.',
    of: 'requests',
  },
  {
    name: 'database',
    title: 'Database away',
    does: 'This replica acts as if the database did not answer.',
    expect:
      'Known links go on redirecting, clicks wait in the journal, changes answer 503. Of a part, that part of queries fails.',
    of: 'queries',
  },
  {
    name: 'cache',
    title: 'Caches away',
    does: 'Memory and the copy on this machine know nothing: redirects ask the database.',
    expect: 'Redirects answer X-Cache: MISS and take longer; none fails while the database answers.',
    of: 'look-ups',
  },
  {
    name: 'freeze-drain',
    title: 'Drain frozen',
    does: 'Clicks go on into the journal, and none leaves it.',
    expect: 'The backlog grows, the alert click backlog fires; afterwards every click is stored, once.',
  },
  {
    name: 'cpu',
    title: 'CPU',
    does: 'Keeps every core of the machine busy for a share of the time.',
    expect: 'p99 and the lag of the event loop rise; other programs on the machine suffer too.',
    of: 'every core',
  },
  {
    name: 'memory',
    title: 'Memory',
    does: 'Holds a share of 1 GiB, or of half of what is free where that is less.',
    expect: 'Memory rises, and falls when it ends; nothing else changes.',
    of: '1 GiB',
  },
  {
    name: 'kill',
    title: 'Kill',
    does: 'The process drains and exits with 75, for its supervisor to start it again.',
    expect: 'The other replicas take over; no click is lost.',
  },
]

/** "Errors: 20 % of requests", "Latency: 200 ms on every request" */
export function described({ fault, share = 1, latency_ms = 0 }: Pick<Past, 'fault' | 'share' | 'latency_ms'>): string {
  const of = share < 1 ? `${percent(share)} of requests` : 'every request'
  const known = FAULTS.find(({ name }) => name === fault)
  const title = known?.title ?? fault
  if (fault === 'errors') return `${title}: ${of}`
  if (fault === 'latency') return `${title}: ${latency_ms} ms on ${of}`
  return known?.of && (share < 1 || fault === 'cpu' || fault === 'memory') ? `${title}: ${percent(share)} of ${known.of}` : title
}

export const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
