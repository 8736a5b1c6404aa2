import type { Alert, Fired } from '../../src/monitor/alerts/schema.ts'
import { duration, moment } from '../kit/parts/figures.ts'
import { State } from '../kit/parts/state.tsx'
import { Table } from '../kit/parts/table.tsx'
import { Time, useTicks } from '../kit/parts/time.tsx'
import { figure, titleOf } from './alert.ts'

/** When alerts fired, for how long, and their highest values. */
export function History({ fired, alerts, several }: { fired: Fired[]; alerts: Alert[]; several: boolean }) {
  useTicks(fired.some(({ to }) => to === null) ? 1 : 30)
  const unitOf = (name: string) => alerts.find((alert) => alert.name === name)?.unit
  return (
    <section class="below" aria-label="History">
      <h2>History</h2>
      <Table
        label="Alerts that fired"
        rows={fired}
        keyOf={({ name, from, replica }) => `${name} ${from} ${replica}`}
        empty={<p class="quiet">No alert has fired yet.</p>}
        columns={[
          { name: 'alert-about', title: 'Alert', cell: ({ name }) => titleOf(name) },
          ...(several ? [{ name: 'alert-replica', title: 'Replica', cell: ({ replica }: Fired) => replica ?? '–' }] : []),
          {
            name: 'alert-kind',
            title: 'Type',
            cell: ({ to, test }) =>
              to === null ? (
                <State tone={test ? 'warn' : 'bad'}>{test ? 'test in progress' : 'firing'}</State>
              ) : test ? (
                'test'
              ) : (
                'real'
              ),
          },
          { name: 'alert-from', title: 'Started', cell: ({ from }) => <Time at={from} /> },
          {
            name: 'alert-lasted',
            title: 'Duration',
            figure: true,
            cell: ({ from, to }) => (
              <span title={to ? `until ${moment(to)}` : undefined}>
                {duration(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000)}
              </span>
            ),
          },
          {
            name: 'alert-peak',
            title: 'Peak',
            figure: true,
            cell: ({ name, peak }) => (
              <span title={unitOf(name)}>
                {figure(peak)} <span class="quiet">{unitOf(name)?.split(/,| in | of /)[0]}</span>
              </span>
            ),
          },
        ]}
      />
    </section>
  )
}
