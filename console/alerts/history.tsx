import { duration, moment } from '../parts/figures.ts'
import { State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { Time, useTicks } from '../parts/time.tsx'
import { figure, type Standing, titleOf } from './alert.ts'
import type { Fired } from './alerts.tsx'

/** When alerts fired, how long, and how bad it was; with a way to what was logged meanwhile. */
export function History({ fired, alerts }: { fired: Fired[]; alerts: Standing[] }) {
  useTicks(fired.some(({ to }) => to === null) ? 1 : 30)
  const unitOf = (name: string) => alerts.find((alert) => alert.name === name)?.unit
  return (
    <section class="below" aria-label="History">
      <h2>History</h2>
      <Table
        label="Alerts that fired"
        rows={fired}
        keyOf={({ name, from }) => `${name} ${from}`}
        empty={<p class="quiet">Nothing has fired since this replica was started.</p>}
        columns={[
          { name: 'alert-about', title: 'Alert', cell: ({ name }) => titleOf(name) },
          {
            name: 'alert-kind',
            title: 'Kind',
            cell: ({ to, test }) =>
              to === null ? (
                <State tone={test ? 'warn' : 'bad'}>{test ? 'fires, a test' : 'fires'}</State>
              ) : test ? (
                'test'
              ) : (
                'real'
              ),
          },
          { name: 'alert-from', title: 'From', cell: ({ from }) => <Time at={from} /> },
          {
            name: 'alert-lasted',
            title: 'Lasted',
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
