// The panels of the overview: the columns of each, its big figure, its unit, and when that is bad.
import { clickBacklog } from '../../src/monitor/alerts/click-backlog.ts'
import { memoryLow } from '../../src/monitor/alerts/memory-low.ts'
import type { Series } from '../kit/parts/chart.tsx'
import { bytes, duration, short } from '../kit/parts/figures.ts'
import type { Tone } from '../kit/parts/state.tsx'
import type { Now } from '../kit/server/live.ts'
import { added, current, share } from './measure.ts'
import type { Column, Samples } from './samples.ts'

export type Verdict = { tone: Tone; word: string }

export type Panel = {
  name: string
  title: string
  /** For the big figure and the trend. */
  figure: (samples: Samples) => Column
  unit: string
  series: Series[]
  columns: (samples: Samples) => Column[]
  /** Formats a value of the chart, with a unit if it varies. */
  write: (value: number) => string
  /** Formats the big figure, if it differs from the chart's values. */
  writeFigure?: (value: number) => string
  atLeast: number
  limit?: (nows: Now[]) => number | undefined
  /** Next to the figure: whether it is good. */
  verdict?: (samples: Samples, nows: Now[]) => Verdict | undefined
  /** A row of the table shows the highest sample rather than the mean. */
  worst?: boolean
}

const SLOW_LOOP = 50 // ms: a redirect that arrives then waits as long
const BLOCKED_LOOP = 250
const SLOW_REDIRECT = 50 // ms, p99
const MUCH_MEMORY = 0.75 // of the limit

function milliseconds(value: number): string {
  if (value >= 1000) return `${short(value / 1000)} s`
  return value > 0 && value < 0.1 ? `${(value * 1000).toFixed(0)} µs` : `${short(value)} ms`
}

export const PANELS: Panel[] = [
  {
    name: 'requests',
    title: 'Requests',
    unit: '/s',
    figure: ({ requests }) => added(...Object.values(requests)),
    series: [
      { name: '3xx', colour: 'accent', filled: true },
      { name: '2xx', colour: 'quiet' },
      { name: '4xx', colour: 'warn', dash: [4, 3] },
      { name: '5xx', colour: 'bad', dash: [2, 2] },
    ],
    columns: ({ requests }) => [requests['3xx'], requests['2xx'], requests['4xx'], requests['5xx']],
    write: short,
    atLeast: 10,
    verdict: ({ requests }) => {
      const failed = current(requests['5xx']) ?? 0
      return failed > 0 ? { tone: 'bad', word: `${short(failed)} failed per second` } : { tone: 'good', word: 'no failures' }
    },
  },
  {
    name: 'redirects',
    title: 'Redirects',
    unit: '/s',
    figure: ({ redirects }) => redirects,
    series: [{ name: 'redirects', colour: 'accent', filled: true }],
    columns: ({ redirects }) => [redirects],
    write: short,
    atLeast: 10,
  },
  {
    name: 'latency',
    title: 'Redirect time, p99',
    unit: '',
    figure: ({ p99 }) => p99,
    series: [
      { name: 'p99', colour: 'accent' },
      { name: 'p50', colour: 'quiet', dash: [4, 3] },
    ],
    columns: ({ p50, p99 }) => [p99, p50],
    write: milliseconds,
    atLeast: 1,
    worst: true,
    verdict: ({ p99 }) => {
      const now = current(p99)
      if (now === null) return { tone: 'unknown', word: 'no redirects now' }
      return now > SLOW_REDIRECT ? { tone: 'warn', word: `over ${SLOW_REDIRECT} ms` } : { tone: 'good', word: 'fast' }
    },
  },
  {
    name: 'cache',
    title: 'Cache hit rate',
    unit: '%',
    figure: ({ tiers }) => share(tiers.hit, added(tiers.hit, tiers.edge, tiers.miss)),
    series: [
      { name: 'memory', colour: 'accent', filled: true },
      { name: 'second tier', colour: 'quiet' },
      { name: 'database', colour: 'warn', dash: [4, 3] },
    ],
    columns: ({ tiers }) => [tiers.hit, tiers.edge, tiers.miss],
    write: short,
    writeFigure: (value) => value.toFixed(value >= 99.95 || value < 10 ? 0 : 1),
    atLeast: 10,
  },
  {
    name: 'backlog',
    title: 'Click backlog',
    unit: '',
    figure: ({ backlog }) => backlog,
    series: [{ name: 'clicks', colour: 'accent', filled: true }],
    columns: ({ backlog }) => [backlog],
    write: short,
    atLeast: 10,
    worst: true,
    verdict: (_, nows) => {
      const oldest = Math.max(0, ...nows.map(({ clicks }) => clicks.oldest_age_s))
      if (nows.some(({ clicks }) => clicks.no_room)) return { tone: 'bad', word: 'no space left' }
      if (oldest > clickBacklog.limit) return { tone: 'warn', word: `oldest ${duration(oldest)}` }
      return { tone: 'good', word: oldest >= 1 ? `oldest ${duration(oldest)}` : 'up to date' }
    },
  },
  {
    name: 'lag',
    title: 'Event-loop lag',
    unit: '',
    figure: ({ loop_lag }) => loop_lag,
    series: [{ name: 'lag', colour: 'accent', filled: true }],
    columns: ({ loop_lag }) => [loop_lag],
    write: milliseconds,
    atLeast: 10,
    worst: true,
    verdict: ({ loop_lag }) => {
      const now = current(loop_lag)
      if (now === null) return undefined
      if (now > BLOCKED_LOOP) return { tone: 'bad', word: 'blocked' }
      return now > SLOW_LOOP ? { tone: 'warn', word: 'busy' } : { tone: 'good', word: 'smooth' }
    },
  },
  {
    name: 'memory',
    title: 'Memory',
    unit: '',
    figure: ({ rss }) => rss,
    series: [{ name: 'memory', colour: 'accent', filled: true }],
    columns: ({ rss }) => [rss],
    write: bytes,
    atLeast: 64e6,
    worst: true,
    limit: (nows) => (nows.length === 1 ? (nows[0]!.memory.limit ?? undefined) : undefined),
    verdict: (_, nows) => {
      const shares = nows.flatMap(({ memory: { rss, used = rss, limit } }) => (limit ? [used / limit] : []))
      if (shares.length === 0) return undefined
      const worst = Math.max(...shares)
      const word =
        nows.length === 1 ? `of ${bytes(nows[0]!.memory.limit!)}` : `peak replica at ${Math.ceil(100 * worst)} % of its limit`
      return { tone: worst > memoryLow.limit / 100 ? 'bad' : worst > MUCH_MEMORY ? 'warn' : 'good', word }
    },
  },
  {
    name: 'cpu',
    title: 'Processor',
    unit: 'cores',
    figure: ({ cpu }) => cpu,
    series: [{ name: 'cores', colour: 'accent', filled: true }],
    columns: ({ cpu }) => [cpu],
    write: short,
    atLeast: 1,
  },
]
