// Time limits for anything but queries: those have their own in database/deadline.ts, which also cancels them.

/** The result of `work`; rejects with `late()` after `ms`. A later result of `work` is ignored. */
export async function within<T>(
  work: PromiseLike<T>,
  ms: number,
  late: () => Error = () => new Error(`no answer within ${ms} ms`),
): Promise<T> {
  let timer: Timer | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms)
  })
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for `work`, at most `ms`; false if it has not ended by then. Rejects if `work` rejects in time. */
export async function waitAtMost(work: unknown, ms: number): Promise<boolean> {
  let timer: Timer | undefined
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), over])
  } finally {
    clearTimeout(timer)
  }
}
