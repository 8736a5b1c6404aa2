// The faults that can be armed, in words for those who arm them.
export type FaultName = 'latency' | 'errors' | 'database' | 'kill'

export type Armed = { fault: string; until: string; share: number; latency_ms?: number; by?: string }

/** Counted in so many seconds. */
export type Stretch = { seconds: number; requests: number; errors: number; clicks: number; dropped: number }

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

export const FAULTS: { name: FaultName; title: string; does: string; expect: string }[] = [
  {
    name: 'errors',
    title: 'Errors',
    does: 'Answers a share of requests with 500 before they are looked at.',
    expect: 'The alert high error rate fires; clients try again.',
  },
  {
    name: 'latency',
    title: 'Latency',
    does: 'Lets a share of requests wait before they are answered.',
    expect: 'p99 rises; nothing is lost.',
  },
  {
    name: 'database',
    title: 'Database away',
    does: 'This replica acts as if the database did not answer.',
    expect: 'Known links go on redirecting, clicks wait in the journal, changes answer 503.',
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
  const title = FAULTS.find(({ name }) => name === fault)?.title ?? fault
  if (fault === 'errors') return `${title}: ${of}`
  if (fault === 'latency') return `${title}: ${latency_ms} ms on ${of}`
  return title
}

export const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
