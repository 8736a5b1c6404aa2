// How the server is: /ready every few seconds, and /health until it has said who answers.
import { useEffect, useState } from 'preact/hooks'
import { OWN } from './api.ts'
import { useEvery } from './clock.ts'

export type State = { tone: 'good' | 'warn' | 'bad' | 'unknown'; word: string; reason: string; host: string; version: string }

const UNKNOWN: State = { tone: 'unknown', word: 'asking', reason: '', host: '', version: '' }
const GOOD_WORDS = /^(ok|ready|up|healthy|closed|none|embedded|fresh|true)$/i

type Ready = { status?: string; dependencies?: Record<string, unknown> }
type Health = { hostname?: string; version?: string }

export function useServerState(): State {
  const [state, setState] = useState(UNKNOWN)
  const ask = async () => {
    const [ready, health] = await Promise.all([answerOf<Ready>('/ready'), state.host ? undefined : answerOf<Health>('/health')])
    setState((before) => ({
      host: health?.hostname ?? before.host,
      version: health?.version ?? before.version,
      ...wordsFor(ready),
    }))
  }
  useEffect(() => void ask(), [])
  useEvery(5, ask)
  return state
}

/** /ready answers with a body also when it is 503, so the status does not matter here. */
async function answerOf<T>(path: string): Promise<T | undefined> {
  try {
    return await (
      await fetch(path, { headers: { Accept: 'application/json', ...OWN }, signal: AbortSignal.timeout(4_000) })
    ).json()
  } catch {
    return undefined
  }
}

function wordsFor(ready: Ready | undefined): Pick<State, 'tone' | 'word' | 'reason'> {
  if (!ready?.status) return { tone: 'bad', word: 'no answer', reason: 'The server cannot be reached.' }
  const troubled = Object.entries(ready.dependencies ?? {}).flatMap(([name, value]) => {
    const word = stateOf(value)
    return word && !GOOD_WORDS.test(word) ? [`${name} ${word}`] : []
  })
  if (ready.status === 'ready') return { tone: 'good', word: 'ready', reason: '' }
  return { tone: ready.status === 'degraded' ? 'warn' : 'bad', word: ready.status, reason: troubled.join(', ') }
}

/** A dependency is a word, or an object that has one. */
function stateOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value && typeof value === 'object') {
    const { state, status } = value as { state?: unknown; status?: unknown }
    return typeof state === 'string' ? state : typeof status === 'string' ? status : undefined
  }
  return undefined
}
