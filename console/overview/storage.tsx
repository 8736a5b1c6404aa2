import { count, duration, short } from '../kit/parts/figures.ts'
import { State } from '../kit/parts/state.tsx'
import type { Now } from '../kit/server/live.ts'

/** The database and the clicks written to it: the one panel without a chart. */
export function Storage({ nows }: { nows: Now[] }) {
  const each = nows.map(({ database }) => ({
    is: database.condition ?? (database.state === 'away' ? 'unreachable' : 'up'),
    since: Date.parse(database.condition_since ?? database.since),
  }))
  const word = (['unreachable', 'slow'] as const).find((bad) => each.some(({ is }) => is === bad)) ?? 'up'
  const those = each.filter(({ is }) => is === word)
  const latencies = nows.flatMap(({ database }) => (database.latency_ms === null ? [] : [database.latency_ms]))
  const flushes = nows.flatMap(({ clicks }) => (clicks.last_flush ? [Date.parse(clicks.last_flush)] : []))
  const sum = (read: (now: Now) => number) => nows.reduce((all, now) => all + read(now), 0)
  const since = Math.min(...those.map(({ since }) => since))
  const totals = nows.flatMap(({ clicks }) => clicks.total ?? [])
  const total = totals.length > 0 ? Math.max(...totals) : undefined
  const dropped = sum(({ clicks }) => clicks.dropped)
  const rejected = sum(({ clicks }) => clicks.rejected)
  const none = nows.length === 0
  return (
    <section class="panel storage" aria-label="Database">
      <header>
        <h2>Database</h2>
      </header>
      <div class="now">
        <span class="big">{none ? '–' : word}</span>
        {!none && (
          <State tone={word === 'up' ? 'good' : word === 'slow' ? 'warn' : 'bad'}>
            {word !== 'up' && those.length < nows.length ? `on ${those.length} of ${nows.length} replicas, ` : ''}
            {`for ${duration((Date.now() - since) / 1000)}`}
          </State>
        )}
      </div>
      <dl class="figure">
        <dt>Response time</dt>
        <dd>{latencies.length > 0 ? `${short(Math.max(...latencies))} ms` : '–'}</dd>
        <dt>Last write of clicks</dt>
        <dd>{flushes.length > 0 ? `${duration(Math.max(0, (Date.now() - Math.min(...flushes)) / 1000))} ago` : '–'}</dd>
        <dt>{total === undefined ? 'Clicks stored since start' : 'Clicks stored'}</dt>
        <dd>{none ? '–' : count(total ?? sum(({ clicks }) => clicks.stored))}</dd>
        <dt>Lost</dt>
        <dd>{none ? '–' : <Loss amount={dropped} />}</dd>
        <dt>Refused</dt>
        <dd>{none ? '–' : <Loss amount={rejected} />}</dd>
      </dl>
    </section>
  )
}

const Loss = ({ amount }: { amount: number }) =>
  amount > 0 ? <State tone="bad">{count(amount)}</State> : <State tone="good">none</State>
