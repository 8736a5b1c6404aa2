// The answer to one question: requested at once, again every few seconds while the tab is visible, and again after a failure.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { keep, kept } from '../browser/entry.ts'
import { type ApiError, asApiError, call, isLasting } from './api.ts'
import { waitAfter } from './back-off.ts'
import { useEvery } from './clock.ts'
import { useRecovery } from './connection.ts'

type Options<T> = {
  /** Seconds; 0 asks once. */
  every?: number
  /** If one GET of `question` is not enough. Throws what `call` throws. */
  ask?: (signal: AbortSignal) => Promise<T>
  /** Shows at once what this entry of the history showed before. */
  remember?: boolean
}

export type Resource<T> = {
  /** The last answer, even if a later request failed or it answers an earlier question; undefined before the first. */
  data: T | undefined
  /** Whether `data` answers this question. */
  current: boolean
  error: ApiError | undefined
  /** When it retries after an error, in ms since 1970; 0 if a retry cannot help. */
  retryAt: number
  /** Sends the request now. */
  reload: () => Promise<void>
  /** Shows a change before the next reload. */
  change: (next: (data: T) => T) => void
}

/** `of`: the question that `data` answers. */
type Held<T> = { of?: string; data?: T; failure?: { of: string; error: ApiError; retryAt: number } }

/** `question` is an address; with `ask` any string that identifies it. Another question aborts the request in flight. */
export function useResource<T>(
  question: string,
  { every = 0, ask = async (signal) => (await call<T>('GET', question, { signal })).data, remember = false }: Options<T> = {},
): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({})
  const failures = useRef(0)
  const running = useRef<AbortController | undefined>(undefined)
  const latest = useRef({ question, ask })
  latest.current = { question, ask }

  const recalled = (held: Held<T>, question: string): Held<T> => {
    const before = remember && held.of !== question ? kept<T>(question) : undefined
    return before === undefined ? held : { of: question, data: before }
  }
  const hold = (question: string, data: T): Held<T> => ({ of: question, data: remember ? keep(question, data) : data })

  const reload = useCallback(async () => {
    const { question, ask } = latest.current // a caller may have kept this function from an earlier question
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    try {
      const data = await ask(signal)
      if (signal.aborted) return
      failures.current = 0
      setHeld(hold(question, data))
    } catch (thrown) {
      if (signal.aborted) return
      const error = asApiError(thrown)
      const wait = waitAfter(++failures.current, error)
      const retryAt = isLasting(error) ? 0 : Date.now() + wait * 1000
      setHeld((before) => ({ ...recalled(before, question), failure: { of: question, error, retryAt } }))
    }
  }, [])

  useEffect(() => {
    failures.current = 0
    void reload()
    return () => running.current?.abort()
  }, [question])
  const failure = held.failure?.of === question ? held.failure : undefined
  const retryAt = failure?.retryAt ?? 0
  useEffect(() => {
    if (!retryAt) return
    const timer = setTimeout(reload, retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [retryAt])
  useEvery(every || 3600, () => every > 0 && failures.current === 0 && void reload())
  useRecovery((everything) => {
    if (!everything && failures.current === 0) return
    failures.current = 0
    void reload()
  })

  const change = (next: (data: T) => T) =>
    setHeld((held) => {
      const { of, data, failure } = recalled(held, question)
      return of === question && data !== undefined ? { ...hold(question, next(data)), failure } : held
    })
  const { of, data } = recalled(held, question)
  return { data, current: of === question, error: failure?.error, retryAt, reload, change }
}
