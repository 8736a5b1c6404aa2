import { useState } from 'preact/hooks'
import { Empty } from '../parts/empty.tsx'
import { PageFrame } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { Countdown } from '../parts/time.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAnswer } from '../server/answer.ts'
import { Arm, EndAll } from './arm.tsx'
import { Evidence } from './evidence.tsx'
import { type Armed, type ChaosState, described } from './fault.ts'

const EVERY = 2

/** Faults on purpose: arm one, watch it count down, and see what it did. */
export function Chaos() {
  const { data, error, retryAt, ask } = useAnswer<ChaosState>('/api/chaos', EVERY)
  const [ending, setEnding] = useState(false)
  const armed = data?.armed ?? []
  return (
    <PageFrame title="Chaos" note={data && (armed.length === 0 ? 'nothing is armed' : `${armed.length} armed`)}>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={ask} />}
      {armed.length > 0 && (
        <section class="armed" aria-label="Armed now">
          <ul>
            {armed.map((one) => (
              <li key={one.fault}>
                <State tone="warn">{described(one)}</State>
                <span class="left">
                  <span class="big">
                    <Countdown until={one.until} over="ending" />
                  </span>{' '}
                  left
                </span>
                <Left {...one} from={data?.history.find((past) => past.fault === one.fault && past.to === null)?.from} />
              </li>
            ))}
          </ul>
          <button type="button" class="button" onClick={() => setEnding(true)}>
            End now…
          </button>
        </section>
      )}
      {data && !data.enabled && (
        <Empty title="No fault can be armed here" command="CHAOS_TOKEN=$(openssl rand -hex 16) waypost serve">
          This server has no CHAOS_TOKEN, and without one nobody may break it on purpose. Start it with one:
        </Empty>
      )}
      {data?.enabled && <Arm done={ask} />}
      {data && (data.enabled || data.history.length > 0) && <Evidence history={data.history} />}
      {ending && (
        <EndAll
          close={(ended) => {
            setEnding(false)
            if (ended) void ask()
          }}
        />
      )}
    </PageFrame>
  )
}

/** How much of its time has gone. The bar is drawn anew with each answer. */
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
