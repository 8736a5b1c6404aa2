// All requests to the server: JSON in and out, errors as a status and a sentence. The browser adds the session cookie.
import { ApiError, OWN, refusalOf, UNREACHABLE } from './refusal.ts'
import { session } from './session.ts'

export { ApiError, asApiError, isLasting, OWN } from './refusal.ts'

export type Answer<T> = { data: T; headers: Headers }

const DEADLINE = 10_000

/** Throws ApiError, or the reason of `signal` if that aborts the call. A 401 also opens the sign-in. */
export async function call<T>(
  method: string,
  path: string,
  options: { body?: object; signal?: AbortSignal /** In ms. */; deadline?: number } = {},
): Promise<Answer<T>> {
  // Every request would be refused until somebody signs in, and would only fill the log.
  if (session.refused && !path.startsWith('/api/session')) throw new ApiError(401, 'Your session has ended. Sign in again.')
  const headers: Record<string, string> = { Accept: 'application/json', ...OWN }
  if (options.body) headers['Content-Type'] = 'application/json'
  const { deadline: most = DEADLINE } = options
  const deadline = AbortSignal.timeout(most)
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
    throw new ApiError(0, deadline.aborted ? `The server did not answer within ${most / 1000} seconds.` : UNREACHABLE)
  }
}

/** The error that a failed response describes. A 401 opens the sign-in. */
export async function refusal(response: Response): Promise<ApiError> {
  if (response.status === 401) session.refuse()
  return refusalOf(response)
}
