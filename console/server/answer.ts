// What one address answers: asked for at once, again every few seconds while somebody looks, and after a failure.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, call } from './api.ts'
import { useEvery } from './clock.ts'

export type Held<T> = {
  /** The last answer, also when there was none since; undefined before the first. */
  data: T | undefined
  error: ApiError | undefined
  /** When it asks again after an error, in ms since 1970. */
  retryAt: number
}

const LONGEST_WAIT = 15
const NOTHING = { data: undefined, error: undefined, retryAt: 0 }

/** `every` is in seconds; 0 asks once. */
export function useAnswer<T>(path: string, every = 0) {
  const [held, setHeld] = useState<Held<T>>(NOTHING)
  const failures = useRef(0)
  const running = useRef<AbortController | undefined>(undefined)
  const ask = useCallback(async () => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    try {
      const { data } = await call<T>('GET', path, { signal })
      failures.current = 0
      setHeld({ data, error: undefined, retryAt: 0 })
    } catch (thrown) {
      if (signal.aborted) return
      const error = asApiError(thrown)
      const wait = Math.min(Math.max(error.retryAfter, 2 ** ++failures.current), every || LONGEST_WAIT)
      setHeld((before) => ({ ...before, error, retryAt: Date.now() + wait * 1000 }))
    }
  }, [path, every])

  useEffect(() => {
    void ask()
    return () => running.current?.abort()
  }, [ask])
  useEffect(() => {
    if (!held.retryAt) return
    const timer = setTimeout(ask, held.retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [held.retryAt, ask])
  useEvery(every || 3600, () => every > 0 && failures.current === 0 && void ask())

  return { ...held, ask }
}
