import { count, duration, short } from '../parts/figures.ts'
import { State } from '../parts/state.tsx'
import type { Now } from '../server/live.ts'

/** The database and what reaches it: the one panel without a chart. */
export function Storage({ nows }: { nows: Now[] }) {
  const away = nows.filter(({ database }) => database.state === 'away')
  const latencies = nows.flatMap(({ database }) => (database.latency_ms === null ? [] : [database.latency_ms]))
  const flushes = nows.flatMap(({ clicks }) => (clicks.last_flush ? [Date.parse(clicks.last_flush)] : []))
  const sum = (read: (now: Now) => number) => nows.reduce((all, now) => all + read(now), 0)
  const since = (away.length > 0 ? away : nows).map(({ database }) => Date.parse(database.since)).sort((a, b) => a - b)[0]
  const dropped = sum(({ clicks }) => clicks.dropped)
  const rejected = sum(({ clicks }) => clicks.rejected)
  const none = nows.length === 0
  return (
    <section class="panel storage" aria-label="Database">
      <header>
        <h2>Database</h2>
      </header>
      <div class="now">
        <span class="big">{none ? '–' : away.length > 0 ? 'away' : 'up'}</span>
        {!none && (
          <State tone={away.length > 0 ? 'bad' : 'good'}>
            {away.length > 0 && away.length < nows.length ? `for ${away.length} of ${nows.length} replicas, ` : ''}
            {since ? `for ${duration((Date.now() - since) / 1000)}` : ''}
          </State>
        )}
      </div>
      <dl class="figure">
        <dt>Answers in</dt>
        <dd>{latencies.length > 0 ? `${short(Math.max(...latencies))} ms` : '–'}</dd>
        <dt>Last flush of clicks</dt>
        <dd>{flushes.length > 0 ? `${duration(Math.max(0, (Date.now() - Math.min(...flushes)) / 1000))} ago` : '–'}</dd>
        <dt>Clicks stored</dt>
        <dd>{none ? '–' : count(sum(({ clicks }) => clicks.stored))}</dd>
        <dt>Dropped</dt>
        <dd>{none ? '–' : <Loss amount={dropped} />}</dd>
        <dt>Rejected</dt>
        <dd>{none ? '–' : <Loss amount={rejected} />}</dd>
      </dl>
    </section>
  )
}

const Loss = ({ amount }: { amount: number }) =>
  amount > 0 ? <State tone="bad">{count(amount)}</State> : <State tone="good">none</State>
