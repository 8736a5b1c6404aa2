/** The rejection of a deadline. */
export const LATE = Symbol('late')
/**
 * Settles with `work`, or rejects with LATE after `ms`; `settled` is called when `work` itself ends. A query that is not sent yet is cancelled. One
 * with a connection (`state`) never is, even if it only waits there behind others: postgres.js would then skip it when its answer arrives, and give
 * each later query on that connection the answer of the one before.
 */
export async function withDeadline<T>(work: PromiseLike<T>, ms: number, settled?: () => void): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(LATE)
      const query = work as { state?: unknown; cancel?: () => void }
      if (query.cancel && !query.state) query.cancel()
    }, ms)
  })
  try {
    return await Promise.race([settled ? watch(work, settled) : work, late])
  } finally {
    clearTimeout(timer)
  }
}

async function watch<T>(work: PromiseLike<T>, settled: () => void): Promise<T> {
  try {
    return await work
  } finally {
    settled()
  }
}
