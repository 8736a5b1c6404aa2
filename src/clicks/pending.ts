import type { Recorder } from './recorder.ts'

/** Waits for this replica's own clicks, so that the response includes them; X-Clicks-Pending counts those not stored in time. */
export async function pendingClicks(clicks: Recorder, headers: Record<string, unknown>) {
  const pending = await clicks.settled()
  if (pending > 0) headers['X-Clicks-Pending'] = String(pending)
}

/**
 * Reads rows of links, and reads them again if this replica had unstored clicks of theirs. Other requests do not wait: under load there are always some
 * clicks of other links, and a batch takes milliseconds.
 */
export async function withOwnClicks<T extends { rows: { id: number }[] }>(
  clicks: Recorder,
  headers: Record<string, unknown>,
  read: () => Promise<T>,
): Promise<T> {
  const unstored = clicks.unstored()
  const found = await read()
  if (!unstored(found.rows.map(({ id }) => id))) return found
  await pendingClicks(clicks, headers)
  return read()
}
