// The same for many: a few at a time, so that neither the server nor a rate limit is run down.
import { type ApiError, asApiError } from './api.ts'

const LANES = 6

/** Does `work` for every item; returns what went wrong, and with which. `progress` is told how many are done. */
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
