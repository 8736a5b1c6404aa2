import type { Alert, AlertStates } from '../../src/monitor/alerts/schema.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { State } from '../kit/parts/state.tsx'
import { Table } from '../kit/parts/table.tsx'
import { Time } from '../kit/parts/time.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence, Trouble } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'
import { may } from '../kit/server/scope.ts'
import { useSession } from '../kit/server/session.ts'
import { figure, titleOf } from './alert.ts'
import { History } from './history.tsx'
import { Notifications } from './notifications.tsx'

const EVERY = 5

/** The built-in alerts: their states and values, a test of each, the notifications sent, and the history. */
export function Alerts() {
  useSession()
  const { data, error, retryAt, reload } = useResource<AlertStates>('/api/alerts?replica=all', { every: EVERY })
  const firing = data?.alerts.filter(isReal).length
  const tests = may('admin')

  const test = async (alert: Alert) => {
    try {
      await call('POST', `/api/alerts/${encodeURIComponent(alert.name)}/test`, { body: {} })
      toast({ text: `Testing “${titleOf(alert.name)}” for 10 seconds` })
    } catch (thrown) {
      toast({ text: `The test could not start: ${sentence(asApiError(thrown))}`, tone: 'bad' })
    }
    void reload()
  }

  return (
    <PageFrame
      title="Alerts"
      note={firing !== undefined && (firing === 0 ? 'None firing' : `${firing} of ${data!.alerts.length} firing`)}
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {data?.silent?.map(({ id, replica, reason }) => (
        <p key={id}>
          <State tone="warn">{replica} is not included</State> <span class="quiet">{reason}.</span>
        </p>
      ))}
      {(data || !error) && (
        <Table
          label="Alerts"
          rows={data?.alerts.toSorted((a, b) => Number(isReal(b)) - Number(isReal(a)))}
          keyOf={({ name }) => name}
          dimmed={error !== undefined}
          blank={5}
          rowClass={(alert) => (isReal(alert) ? 'firing' : '')}
          empty={<Empty title="No alerts">This server has no built-in alerts.</Empty>}
          columns={[
            { name: 'alert-state', title: 'State', cell: StateOf },
            {
              name: 'alert-about',
              title: 'Alert',
              cell: ({ name, help }) => (
                <span class="titled">
                  <b>{titleOf(name)}</b>
                  <span class="quiet">{help}</span>
                </span>
              ),
            },
            { name: 'alert-value', title: 'Current / threshold', figure: true, cell: Distance },
            { name: 'alert-since', title: 'Since', cell: ({ since }) => <Time at={since} /> },
            {
              name: 'alert-test',
              title: 'Test',
              silent: true,
              cell: (alert) =>
                tests && (
                  <button
                    type="button"
                    class="button"
                    disabled={alert.state === 'firing'}
                    aria-label={`Test ${titleOf(alert.name)}`}
                    title="Fires the alert for 10 seconds, to check who is notified"
                    onClick={() => test(alert)}
                  >
                    Test
                  </button>
                ),
            },
          ]}
        />
      )}
      {data && <Notifications />}
      {data && <History fired={data.history} alerts={data.alerts} several={(data.asked ?? 1) > 1} />}
    </PageFrame>
  )
}

const isReal = ({ state, test }: Alert) => state === 'firing' && !test

function StateOf({ state, test, good_since, replicas = [] }: Alert) {
  if (state === 'ok') return <State tone="good">ok</State>
  if (test) return <State tone="warn">test in progress</State>
  const where = replicas.filter((one) => one.state === 'firing' && !one.test).map(({ replica }) => replica)
  return (
    <span class="titled">
      <State tone={good_since ? 'warn' : 'bad'}>{good_since ? 'recovering' : 'firing'}</State>
      {replicas.length > 1 && (
        <span class="quiet">{where.length === replicas.length ? 'on all replicas' : `on ${where.join(', ')}`}</span>
      )}
    </span>
  )
}

/** The current value, the threshold, and a gauge. */
function Distance({ value, threshold, unit }: Alert) {
  const share = threshold > 0 ? Math.min(1, value / threshold) : value > 0 ? 1 : 0
  return (
    <span class="distance">
      <span>
        <b class="figure">{figure(value)}</b> <span class="quiet">fires above {figure(threshold)}</span>
      </span>
      {unit && <span class="quiet unit">{unit}</span>}
      <span class={value > threshold ? 'gauge over' : 'gauge'} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  )
}
