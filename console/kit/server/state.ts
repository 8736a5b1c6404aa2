// The state of the server: /ready every few seconds, and /health until its name and version are known.
import { useEffect, useState } from 'preact/hooks'
import type { Health, Ready } from '../../../src/monitor/schema.ts'
import { useEvery } from './clock.ts'
import { useRecovery } from './connection.ts'
import { OWN, UNREACHABLE } from './refusal.ts'

type Summary = {
  tone: 'good' | 'warn' | 'bad' | 'unknown'
  word: string
  reason: string
  /** There was no response. */
  unreachable: boolean
}
export type State = Summary & { host: string; version: string }

export const NO_CONNECTION = 'No connection'
const UNKNOWN: State = { tone: 'unknown', word: 'Connecting', reason: '', unreachable: false, host: '', version: '' }
const TONES: Record<string, State['tone']> = { ready: 'good', degraded: 'warn' }
const DATABASE = { up: '', starting: 'The database has not answered yet.', down: 'The database is unreachable.' }

/** Requested every few seconds; each second if there is no other source (`alone`). */
export function useServerState(alone: boolean): State {
  const [state, setState] = useState(UNKNOWN)
  const ask = async () => {
    const [ready, health] = await Promise.all([answerOf<Ready>('/ready'), state.host ? undefined : answerOf<Health>('/health')])
    setState((before) => ({
      host: health?.hostname ?? before.host,
      version: health?.version ?? before.version,
      ...summaryOf(ready),
    }))
  }
  useEffect(() => void ask(), [])
  useEvery(alone ? 1 : 5, ask)
  useRecovery(() => void ask())
  return state
}

/** /ready has a body with 503 too, so the status does not matter here. A proxy may answer with something else. */
async function answerOf<T>(path: string): Promise<Partial<T> | undefined> {
  try {
    return await (
      await fetch(path, { headers: { Accept: 'application/json', ...OWN }, signal: AbortSignal.timeout(2_000) })
    ).json()
  } catch {
    return undefined
  }
}

function summaryOf(ready: Partial<Ready> | undefined): Summary {
  if (!ready?.status) return { tone: 'bad', word: NO_CONNECTION, reason: UNREACHABLE, unreachable: true }
  const { status, dependencies: { database = 'up' } = {} } = ready
  return {
    tone: TONES[status] ?? 'bad',
    word: `${status.charAt(0).toUpperCase()}${status.slice(1)}`,
    reason: DATABASE[database] ?? '',
    unreachable: false,
  }
}
