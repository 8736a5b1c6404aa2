import { State, type Tone } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAnswer } from '../server/answer.ts'
import { titleOf } from './alert.ts'

type Delivery = { channel: string; state: 'pending' | 'sent' | 'failed'; attempts: number; reason: string | null }
type Notice = { id: string; alert: string; test: boolean; kind: 'firing' | 'recovered'; at: string; deliveries: Delivery[] }
type Standing = { channels: string[]; notices: Notice[] }

const EVERY = 5
const NAMES: Record<string, string> = { email: 'e-mail', discord: 'Discord', slack: 'Slack', webhook: 'webhook' }
const TONES: Record<Delivery['state'], Tone> = { pending: 'unknown', sent: 'good', failed: 'bad' }

const nameOf = (channel: string) => NAMES[channel] ?? channel

/** Whom alerts reach: whether notices are set up, and what became of the last ones that the fleet sent. */
export function Notices() {
  const { data, error, retryAt, ask } = useAnswer<Standing>('/api/notices', EVERY)
  return (
    <section class="below" aria-label="Notices">
      <h2>Notices</h2>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={ask} />}
      {data?.channels.length === 0 && (
        <p>
          <State tone="warn">Alerts reach nobody.</State>{' '}
          <span class="quiet">
            Set ALERT_WEBHOOK_URL, or SMTP_HOST with ALERT_EMAIL_FROM and ALERT_EMAIL_TO, to be told when one fires.
          </span>
        </p>
      )}
      {data && data.channels.length > 0 && (
        <>
          <p class="quiet">They go by {data.channels.map(nameOf).join(' and ')}, once for the whole fleet.</p>
          <Table
            label="Notices"
            rows={data.notices}
            keyOf={({ id }) => id}
            dimmed={error !== undefined}
            empty={<p class="quiet">None was sent yet. A test of an alert sends one.</p>}
            columns={[
              { name: 'alert-about', title: 'Alert', cell: ({ alert }) => titleOf(alert) },
              { name: 'alert-kind', title: 'Told', cell: ({ kind, test }) => `${kind}${test ? ', a test' : ''}` },
              { name: 'alert-from', title: 'When', cell: ({ at }) => <Time at={at} /> },
              {
                name: 'alert-deliveries',
                title: 'Delivered',
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
  const how = state === 'pending' ? (attempts > 0 ? 'is tried again' : 'on its way') : state
  return (
    <span>
      <State tone={TONES[state]}>
        {nameOf(channel)}: {how}
      </State>
      {attempts > 1 && <span class="quiet"> at attempt {attempts}</span>}
      {reason && state !== 'sent' && <span class="quiet">, {reason}</span>}
    </span>
  )
}
