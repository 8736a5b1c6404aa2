// The same request for many items, a few at a time, to spare the server and stay within rate limits.
import { type ApiError, asApiError } from './api.ts'

const LANES = 6

/** Runs `work` for every item. Returns the items that failed, with their errors. `progress` gets the number of finished items. */
export async function each<T>(
  items: T[],
  work: (item: T) => Promise<unknown>,
  progress: (done: number) => void = () => {},
): Promise<{ item: T; error: ApiError }[]> {
  const failed: { item: T; error: ApiError }[] = []
  let next = 0
  let done = 0
  const lane = async () => {
    while (next < items.length) {
      const item = items[next++]!
      await work(item).catch((thrown) => failed.push({ item, error: asApiError(thrown) }))
      progress(++done)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return failed
}
