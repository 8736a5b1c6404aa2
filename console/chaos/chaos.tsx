import { useState } from 'preact/hooks'
import type { Armed, ChaosState } from '../../src/chaos/schema.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { State } from '../kit/parts/state.tsx'
import { Countdown } from '../kit/parts/time.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useResource } from '../kit/server/resource.ts'
import { Arm, EndAll } from './arm.tsx'
import { Evidence } from './evidence.tsx'
import { described } from './fault.ts'

const EVERY = 2

/** Faults on purpose: arms them, counts down, and shows their impact. */
export function Chaos() {
  const { data, error, retryAt, reload } = useResource<ChaosState>('/api/chaos?replica=all', { every: EVERY })
  const [ending, setEnding] = useState(false)
  const armed = data?.armed ?? []
  const replicas = data?.replicas ?? []
  const silent = replicas.filter(({ unanswered }) => unanswered !== null)
  return (
    <PageFrame title="Chaos" note={data && (armed.length === 0 ? 'No faults armed' : `${armed.length} armed`)}>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {silent.map(({ id, replica, unanswered }) => (
        <p key={id}>
          <State tone="warn">{replica} is not shown</State> <span class="quiet">{unanswered}.</span>
        </p>
      ))}
      {armed.length > 0 && (
        <section class="armed" aria-label="Armed now">
          <ul>
            {armed.map((one) => (
              <li key={`${one.fault} ${one.replica_id}`}>
                <State tone="warn">
                  {described(one)}
                  {replicas.length > 1 && one.replica && ` on ${one.replica}`}
                </State>
                <span class="left">
                  <span class="big">
                    <Countdown until={one.until} over="ending" />
                  </span>{' '}
                  left
                </span>
                <Left
                  {...one}
                  from={
                    data?.history.find(
                      (past) => past.fault === one.fault && past.replica_id === one.replica_id && past.to === null,
                    )?.from
                  }
                />
              </li>
            ))}
          </ul>
          <button type="button" class="button" onClick={() => setEnding(true)}>
            End now…
          </button>
        </section>
      )}
      {data && !data.enabled && (
        <Empty title="Faults are disabled" command="CHAOS_TOKEN=$(openssl rand -hex 16) waypost serve">
          To arm faults, start the replicas with a CHAOS_TOKEN:
        </Empty>
      )}
      {data?.enabled && <Arm replicas={replicas} done={reload} />}
      {data && (data.enabled || data.history.length > 0) && <Evidence history={data.history} several={replicas.length > 1} />}
      {ending && (
        <EndAll
          close={(ended) => {
            setEnding(false)
            if (ended) void reload()
          }}
        />
      )}
    </PageFrame>
  )
}

/** The share of the time that is left, as a bar. */
function Left({ from, until }: Armed & { from: string | undefined }) {
  if (!from) return null
  const whole = Date.parse(until) - Date.parse(from)
  const left = Math.min(1, Math.max(0, (Date.parse(until) - Date.now()) / whole))
  return (
    <span class="gauge" aria-hidden="true">
      <span style={{ width: `${left * 100}%` }} />
    </span>
  )
}
