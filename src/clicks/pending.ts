import type { Recorder } from './recorder.ts'

/** Waits for this replica's own clicks, so that the answer has them; what is not stored in time is said in X-Clicks-Pending. */
export async function pendingClicks(clicks: Recorder, headers: Record<string, unknown>) {
  const pending = await clicks.settled()
  if (pending > 0) headers['X-Clicks-Pending'] = String(pending)
}

/**
 * Reads rows of links, and reads them again where this replica had clicks of theirs that were not stored yet. The others wait for nothing: under load
 * there always are some clicks of other links, and a batch takes milliseconds.
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
