// Answers to requests that may take minutes, such as a change of a million links.
import { Problem } from '../base/problem.ts'
import { exchangeOf } from './exchange.ts'

/** ms. Our server cuts a silent connection after 30 s, proxies after 60 s. */
const SIGN_OF_LIFE_EVERY = 5_000

/**
 * Answers with the JSON of the value that `steps` returns. If that takes longer than 5 s, the answer begins with blanks, one every 5 s, which JSON
 * allows; a failure after
 * that aborts the connection, so that nobody mistakes it for the end. A client that leaves, or is no longer authorised, ends the steps.
 */
export async function answerInTime<T>(
  request: Request,
  steps: AsyncGenerator<void, T>,
  every = SIGN_OF_LIFE_EVERY,
): Promise<T | Response> {
  const { stillAuthorised } = exchangeOf(request)

  /** Runs steps for 5 s; undefined if there are more. */
  async function run(): Promise<{ value: T } | undefined> {
    const until = Date.now() + every
    for (;;) {
      const { done, value } = await steps.next()
      if (done) return { value }
      if (request.signal.aborted || stillAuthorised?.() === false) {
        await steps.return(undefined as never)
        throw new Problem(401, 'stopped: the client left, or is no longer authorised')
      }
      if (Date.now() >= until) return undefined
    }
  }

  const finished = await run()
  if (finished) return finished.value
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const finished = await run()
        controller.enqueue(encoder.encode(finished ? JSON.stringify(finished.value) : ' '))
        if (finished) controller.close()
      },
      cancel: () => void steps.return(undefined as never),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'private, no-cache' } })
}
