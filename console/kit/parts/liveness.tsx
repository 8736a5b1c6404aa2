import type { StreamState } from '../server/stream.ts'
import { State } from './state.tsx'
import { useTicks } from './time.tsx'

/** Whether the page is live. `live` is the text if it is. */
export function Liveness({ stream: { phase, heardAt }, live = 'live' }: { stream: StreamState; live?: string }) {
  if (phase === 'open') return <State tone="good">{live}</State>
  if (phase === 'silent') return <Silent since={heardAt} />
  if (phase === 'cut') return <State tone="bad">disconnected</State>
  return <State tone="unknown">{phase === 'hidden' ? 'paused' : 'connecting'}</State>
}

function Silent({ since }: { since: number }) {
  useTicks(1)
  return <State tone="warn">{`last update ${Math.round((Date.now() - since) / 1000)} s ago`}</State>
}
