// A failed request as a status and a sentence, for pages and the worker.
import type { Detail } from '../../../src/base/problem.ts'

/** `status` is 0 if there was no response; `retryAfter` is in seconds. */
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

/** Marks requests of the console, which the log can hide. */
export const OWN = { 'X-Waypost-Console': '1' }

/** The error that a failed response describes. */
export async function refusalOf(response: Response): Promise<ApiError> {
  const { error, details } = await response.json().catch(() => ({}))
  const retryAfter = Number(response.headers.get('Retry-After')) || 0
  return new ApiError(response.status, error ?? `The server responded with status ${response.status}.`, details, retryAfter)
}

/** Anything thrown, as an ApiError for a page to show. */
export const asApiError = (error: unknown) =>
  error instanceof ApiError
    ? error
    : new ApiError(0, error instanceof TypeError ? UNREACHABLE : ((error as Error)?.message ?? String(error)))

export const UNREACHABLE = 'The server is unreachable.'

/** Whether a retry cannot help: not signed in, not allowed, or not found. */
export const isLasting = ({ status }: ApiError) => status === 401 || status === 403 || status === 404
