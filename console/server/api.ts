// The one way to the server: JSON in and out, and errors as a status with a sentence. The session is a cookie, which the browser adds.
import type { Detail } from '../../src/http/problem.ts'
import { session } from './session.ts'

export type Answer<T> = { data: T; headers: Headers }

/** What went wrong. `status` is 0 when no answer came at all; `retryAfter` is in seconds. */
export class ApiError extends Error {
  override name = 'ApiError'
  constructor(
    readonly status: number,
    message: string,
    readonly details: Detail[] = [],
    readonly retryAfter = 0,
  ) {
    super(message)
  }
}

const DEADLINE = 10_000

/** Marks the console's own requests, which the log can hide. */
export const OWN = { 'X-Waypost-Console': '1' }

/** Throws ApiError, or the abort's reason when `signal` ends the call. A 401 also opens the sign-in. */
export async function call<T>(
  method: string,
  path: string,
  options: { body?: object; signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json', ...OWN }
  if (options.body) headers['Content-Type'] = 'application/json'
  const deadline = AbortSignal.timeout(DEADLINE)
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: options.body && JSON.stringify(options.body),
      signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
    })
    if (response.ok)
      return { data: (response.status === 204 ? undefined : await response.json()) as T, headers: response.headers }
    throw await refusal(response)
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted) throw error
    throw new ApiError(0, deadline.aborted ? 'The server did not answer within 10 seconds.' : 'The server cannot be reached.')
  }
}

/** What the server said instead of an answer. */
export async function refusal(response: Response): Promise<ApiError> {
  const { error, details } = await response.json().catch(() => ({}))
  if (response.status === 401) session.refuse()
  const retryAfter = Number(response.headers.get('Retry-After')) || 0
  return new ApiError(response.status, error ?? `The server answered ${response.status}.`, details, retryAfter)
}

/** Any thrown thing as an ApiError, for a page to show. */
export const asApiError = (error: unknown) =>
  error instanceof ApiError
    ? error
    : new ApiError(0, error instanceof TypeError ? 'The server cannot be reached.' : ((error as Error)?.message ?? String(error)))
