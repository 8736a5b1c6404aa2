/** What a deadline rejects with. */
export const LATE = Symbol('late')
/**
 * Settles with `work`, or rejects with LATE after `ms`; `settled` is called when `work` itself is over. A query not yet sent is taken back. One that
 * has a connection (`state`) never is, also where it only waits there behind others: postgres.js then passes it over when its answer comes, and
 * each query after it on that connection is given the answer of the one before.
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
