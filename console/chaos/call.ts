import type { Done, FaultsDone } from '../../src/chaos/schema.ts'
import { ApiError, asApiError, OWN, refusal } from '../kit/server/api.ts'

/**
 * Arms (POST) or ends (DELETE) faults on the replicas `of`: all, or the id of one. Returns what each of them did. /chaos has a separate token, so a
 * 401 does not end the session.
 */
export async function callChaos(method: 'POST' | 'DELETE', of: string, token: string, body?: object): Promise<Done[]> {
  const headers = { Accept: 'application/json', 'X-Chaos-Token': token, ...OWN }
  const deadline = AbortSignal.timeout(10_000)
  try {
    const response = await fetch(`/chaos?replica=${encodeURIComponent(of)}`, {
      method,
      headers: body ? { ...headers, 'Content-Type': 'application/json' } : headers,
      body: body && JSON.stringify(body),
      signal: deadline,
    })
    if (response.status === 401) throw new ApiError(401, 'The server does not accept this token.')
    if (!response.ok) throw await refusal(response)
    if (response.status === 204)
      throw new ApiError(0, 'This replica runs an older release. The change applies to this replica only.')
    return ((await response.json()) as FaultsDone).replicas
  } catch (thrown) {
    throw deadline.aborted ? new ApiError(0, 'The server did not answer within 10 seconds.') : asApiError(thrown)
  }
}

/** "Ended latency on vm:18551. Failed on vm:18552: it gave no answer within 3 s." */
export function outcomeOf(
  verb: 'Ended' | 'Armed',
  done: Done[],
  titleOf: (fault: string) => string,
): { text: string; tone?: 'bad' } {
  const where = new Map<string, string[]>()
  for (const { replica, faults } of done) for (const fault of faults) where.set(fault, [...(where.get(fault) ?? []), replica])
  const did = [...where].map(([fault, replicas]) => `${verb} ${titleOf(fault).toLowerCase()} on ${replicas.join(', ')}.`)
  const failed = done.filter(({ reason }) => reason !== null).map(({ replica, reason }) => `Failed on ${replica}: ${reason}.`)
  const nothing = did.length === 0 && verb === 'Ended' ? ['No fault was armed.'] : []
  return { text: [...did, ...nothing, ...failed].join(' '), ...(failed.length > 0 && { tone: 'bad' as const }) }
}
