import type { Recorder } from './recorder.ts'

/** Waits for this replica's own clicks, so that the answer has them; what is not stored in time is said in X-Clicks-Pending. */
export async function pendingClicks(clicks: Recorder, headers: Record<string, unknown>) {
  const pending = await clicks.settled()
  if (pending > 0) headers['X-Clicks-Pending'] = String(pending)
}
