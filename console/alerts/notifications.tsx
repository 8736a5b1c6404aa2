import type { Delivery, Standing } from '../../src/monitor/notifications/schema.ts'
import { State, type Tone } from '../kit/parts/state.tsx'
import { Table } from '../kit/parts/table.tsx'
import { Time } from '../kit/parts/time.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useResource } from '../kit/server/resource.ts'
import { titleOf } from './alert.ts'

const EVERY = 5
const TONES: Record<Delivery['state'], Tone> = { pending: 'unknown', sent: 'good', failed: 'bad' }

/** The notification channels, and the deliveries of the last notifications that the fleet sent. */
export function Notifications() {
  const { data, error, retryAt, reload } = useResource<Standing>('/api/notices', { every: EVERY })
  return (
    <section class="below" aria-label="Notifications">
      <h2>Notifications</h2>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {data?.channels.length === 0 && (
        <p>
          <State tone="warn">No notification channel is set up.</State>{' '}
          <span class="quiet">Set up e-mail or a webhook to be notified of alerts: see docs/alerts.md.</span>
        </p>
      )}
      {data && data.channels.length > 0 && (
        <>
          <p class="quiet">{data.channels.map(titleOf).join(' and ')}, sent once for the whole fleet.</p>
          <Table
            label="Notifications"
            rows={data.notices}
            keyOf={({ id }) => id}
            dimmed={error !== undefined}
            empty={<p class="quiet">No notifications yet. Test an alert to send one.</p>}
            columns={[
              { name: 'alert-about', title: 'Alert', cell: ({ alert }) => titleOf(alert) },
              { name: 'alert-kind', title: 'Type', cell: ({ kind, test }) => `${kind}${test ? ' (test)' : ''}` },
              { name: 'alert-from', title: 'Time', cell: ({ at }) => <Time at={at} /> },
              {
                name: 'alert-deliveries',
                title: 'Delivery',
                cell: ({ deliveries }) => (
                  <span class="titled">
                    {deliveries.map((one) => (
                      <Delivered key={one.channel} {...one} />
                    ))}
                  </span>
                ),
              },
            ]}
          />
        </>
      )}
    </section>
  )
}

function Delivered({ channel, state, attempts, reason }: Delivery) {
  const how = state === 'pending' ? (attempts > 0 ? 'retrying' : 'sending') : state
  return (
    <span>
      <State tone={TONES[state]}>
        {titleOf(channel)}: {how}
      </State>
      {attempts > 1 && <span class="quiet">, attempt {attempts}</span>}
      {reason && state !== 'sent' && <span class="quiet">, {reason}</span>}
    </span>
  )
}
