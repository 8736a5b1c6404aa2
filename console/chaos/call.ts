import { ApiError, asApiError, OWN, refusal } from '../server/api.ts'

/** /chaos asks for a token of its own: that it is refused says nothing about the session. */
export async function callChaos(method: 'POST' | 'DELETE', token: string, body?: object) {
  const headers = { Accept: 'application/json', 'X-Chaos-Token': token, ...OWN }
  const deadline = AbortSignal.timeout(10_000)
  try {
    const response = await fetch('/chaos', {
      method,
      headers: body ? { ...headers, 'Content-Type': 'application/json' } : headers,
      body: body && JSON.stringify(body),
      signal: deadline,
    })
    if (response.status === 401) throw new ApiError(401, 'The server does not accept this token.')
    if (!response.ok) throw await refusal(response)
  } catch (thrown) {
    throw deadline.aborted ? new ApiError(0, 'The server did not answer within 10 seconds.') : asApiError(thrown)
  }
}
