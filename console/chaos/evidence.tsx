import type { PastFault, Stretch } from '../../src/chaos/schema.ts'
import { count, duration, moment, short } from '../kit/parts/figures.ts'
import { State } from '../kit/parts/state.tsx'
import { Time } from '../kit/parts/time.tsx'
import { described, percent } from './fault.ts'

/** The impact of each fault: what its replica counted before, during and after it. */
export function Evidence({ history, several }: { history: PastFault[]; several: boolean }) {
  return (
    <section class="below" aria-label="Impact">
      <h2>Impact</h2>
      {history.length === 0 && <p class="quiet">No faults since the replicas started. Their impact will appear here.</p>}
      {history.map((past, place) => (
        <details key={`${past.from} ${past.replica_id}`} class="past" open={place === 0}>
          <summary>
            <b>
              {described(past)}
              {several && past.replica && ` on ${past.replica}`}
            </b>
            <span class="quiet">
              <Time at={past.from} />, {lasted(past)}
            </span>
            <Verdict {...past} />
          </summary>
          {past.evidence ? <Figures {...past.evidence} /> : <p class="quiet">No measurements were recorded for this fault.</p>}
          <p class="quiet">
            {moment(past.from).split('\n')[0]}
            {past.by && (
              <>
                {' '}
                · armed by request{' '}
                <a class="inline" href={`/console/logs?${new URLSearchParams({ request_id: past.by, own: '1' })}`}>
                  {past.by}
                </a>
              </>
            )}
          </p>
        </details>
      ))}
    </section>
  )
}

const lasted = ({ from, to }: PastFault) =>
  to === null ? 'armed now' : `for ${duration(Math.round((Date.parse(to) - Date.parse(from)) / 1000))}`

/** The promise: redirects may fail on purpose, but no click is ever lost. */
function Verdict({ evidence }: PastFault) {
  if (!evidence) return null
  const lost = evidence.while.dropped + (evidence.after?.dropped ?? 0)
  if (lost > 0) return <State tone="bad">{count(lost)} clicks lost</State>
  return <State tone="good">no clicks lost</State>
}

const ROWS: { title: string; unit: string; of: (stretch: Stretch) => number; shown: (value: number) => string }[] = [
  { title: 'Requests', unit: 'per second', of: rate('requests'), shown: short },
  {
    title: 'Failed',
    unit: 'of requests, 5xx',
    of: ({ errors, requests }) => (requests > 0 ? errors / requests : 0),
    shown: percent,
  },
  {
    title: 'Mean response time',
    unit: 'ms',
    of: ({ mean_ms }) => mean_ms,
    shown: (ms) => String(Number(ms.toPrecision(3))),
  },
  { title: 'Clicks recorded', unit: 'per second', of: rate('clicks'), shown: short },
  { title: 'Clicks stored', unit: 'per second', of: rate('stored'), shown: short },
  { title: 'Clicks lost', unit: '', of: ({ dropped }) => dropped, shown: count },
]

function Figures({ before, while: during, after }: NonNullable<PastFault['evidence']>) {
  const columns: [string, Stretch | null][] = [
    ['Before', before],
    ['During', during],
    ['After', after],
  ]
  return (
    <table class="evidence">
      <thead>
        <tr>
          <th scope="col">
            <span class="unseen">Figure</span>
          </th>
          {columns.map(([title, stretch]) => (
            <th key={title} scope="col" class="end">
              {title} {stretch && <span class="figure">· {duration(Math.round(stretch.seconds))}</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {ROWS.map(({ title, unit, of, shown }) => {
          const most = Math.max(...columns.map(([, stretch]) => (stretch ? of(stretch) : 0)))
          return (
            <tr key={title}>
              <th scope="row">
                {title} <span class="quiet">{unit}</span>
              </th>
              {columns.map(([column, stretch]) => (
                <td key={column} class="end figure">
                  {stretch ? shown(of(stretch)) : <span class="quiet">not yet</span>}
                  <span class="gauge" aria-hidden="true">
                    <span style={{ width: `${stretch && most > 0 ? (100 * of(stretch)) / most : 0}%` }} />
                  </span>
                </td>
              ))}
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function rate(name: 'requests' | 'clicks' | 'stored') {
  return ({ seconds, [name]: counted }: Stretch) => (seconds > 0 ? counted / seconds : 0)
}
