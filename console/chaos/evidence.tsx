import { count, duration, moment, short } from '../parts/figures.ts'
import { State } from '../parts/state.tsx'
import { Time } from '../parts/time.tsx'
import { described, type Past, percent, type Stretch } from './fault.ts'

/** What each fault did, by what the replica counted before it, meanwhile and after. */
export function Evidence({ history }: { history: Past[] }) {
  return (
    <section class="below" aria-label="Evidence">
      <h2>Evidence</h2>
      {history.length === 0 && (
        <p class="quiet">
          Nothing was armed since this replica was started. What a fault does to requests, errors and clicks is shown here.
        </p>
      )}
      {history.map((past, place) => (
        <details key={past.from} class="past" open={place === 0}>
          <summary>
            <b>{described(past)}</b>
            <span class="quiet">
              <Time at={past.from} />, {lasted(past)}
            </span>
            <Verdict {...past} />
          </summary>
          {past.evidence ? <Figures {...past.evidence} /> : <p class="quiet">This server counts nothing around a fault.</p>}
          <p class="quiet">
            {moment(past.from).split('\n')[0]}
            {past.by && (
              <>
                {' '}
                · armed by the request{' '}
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

const lasted = ({ from, to }: Past) =>
  to === null ? 'armed now' : `for ${duration(Math.round((Date.parse(to) - Date.parse(from)) / 1000))}`

/** Whether the promise held: redirects may fail on purpose, but no click is ever lost. */
function Verdict({ evidence }: Past) {
  if (!evidence) return null
  const lost = evidence.while.dropped + (evidence.after?.dropped ?? 0)
  if (lost > 0) return <State tone="bad">{count(lost)} clicks lost</State>
  return <State tone="good">no click lost</State>
}

const ROWS: { title: string; unit: string; of: (stretch: Stretch) => number; shown: (value: number) => string }[] = [
  { title: 'Requests', unit: 'a second', of: rate('requests'), shown: short },
  {
    title: 'Failed',
    unit: 'of requests, 5xx',
    of: ({ errors, requests }) => (requests > 0 ? errors / requests : 0),
    shown: percent,
  },
  {
    title: 'A request took',
    unit: 'ms, mean',
    of: ({ mean_ms }) => mean_ms,
    shown: (ms) => String(Number(ms.toPrecision(3))),
  },
  { title: 'Clicks kept', unit: 'a second', of: rate('clicks'), shown: short },
  { title: 'Clicks stored', unit: 'a second', of: rate('stored'), shown: short },
  { title: 'Clicks lost', unit: 'in all', of: ({ dropped }) => dropped, shown: count },
]

function Figures({ before, while: meanwhile, after }: NonNullable<Past['evidence']>) {
  const columns: [string, Stretch | null][] = [
    ['Before', before],
    ['While armed', meanwhile],
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
