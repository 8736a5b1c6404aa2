import { Empty } from '../parts/empty.tsx'
import { PageFrame } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { toast } from '../parts/toast.tsx'
import { sentence, Trouble } from '../parts/trouble.tsx'
import { useAnswer } from '../server/answer.ts'
import { asApiError, call } from '../server/api.ts'
import { may } from '../server/scope.ts'
import { useSession } from '../server/session.ts'
import { figure, type Standing, titleOf } from './alert.ts'
import { History } from './history.tsx'
import { Notices } from './notices.tsx'

type Answer = { alerts: Standing[]; history: Fired[] }
export type Fired = { name: string; from: string; to: string | null; peak: number; test?: boolean }

const EVERY = 5

/** The built-in alerts: how they stand, how far from firing, when they fired, and a test of whom they reach. */
export function Alerts() {
  useSession()
  const { data, error, retryAt, ask } = useAnswer<Answer>('/api/alerts', EVERY)
  const firing = data?.alerts.filter(({ state }) => state === 'firing').length
  const tests = may('admin')

  const test = async (alert: Standing) => {
    try {
      await call('POST', `/api/alerts/${encodeURIComponent(alert.name)}/test`, { body: {} })
      toast({ text: `“${titleOf(alert.name)}” fires as a test for 10 seconds.` })
    } catch (thrown) {
      toast({ text: `Not tested. ${sentence(asApiError(thrown))}`, tone: 'bad' })
    }
    void ask()
  }

  return (
    <PageFrame
      title="Alerts"
      note={
        firing !== undefined &&
        (firing === 0 ? 'none fires' : `${firing} of ${data!.alerts.length} fire${firing === 1 ? 's' : ''}`)
      }
    >
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={ask} />}
      {(data || !error) && (
        <Table
          label="Alerts"
          rows={data?.alerts.toSorted((a, b) => Number(inEarnest(b)) - Number(inEarnest(a)))}
          keyOf={({ name }) => name}
          dimmed={error !== undefined}
          blank={5}
          rowClass={({ state }) => (state === 'firing' ? 'firing' : '')}
          empty={<Empty title="No alerts">This server has none built in.</Empty>}
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
            { name: 'alert-value', title: 'Now, and where it fires', figure: true, cell: Distance },
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
                    title="Lets it fire for 10 seconds, to see whom it reaches"
                    onClick={() => test(alert)}
                  >
                    Test
                  </button>
                ),
            },
          ]}
        />
      )}
      {data && <Notices />}
      {data && <History fired={data.history} alerts={data.alerts} />}
    </PageFrame>
  )
}

const inEarnest = ({ state, test }: Standing) => state === 'firing' && !test

const StateOf = ({ state, test }: Standing) =>
  state === 'firing' ? (
    <State tone={test ? 'warn' : 'bad'}>{test ? 'firing, a test' : 'firing'}</State>
  ) : (
    <State tone="good">ok</State>
  )

/** How near it is: a figure, its limit, and a bar between them where there is a between. */
function Distance({ value, threshold, unit }: Standing) {
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
