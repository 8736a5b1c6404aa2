// What a live stream says of its connection. fetch is a stub, and so is the clock. streams.ts needs no document: it also runs in a worker.
import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from 'bun:test'
import { createStreams, type StreamState } from '../../console/kit/server/streams.ts'

/** One request of the stub, which can be answered step by step. It ends where the page aborts it. */
function requestOf(address: string, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  let body!: ReadableStreamDefaultController<Uint8Array>
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      body = controller
    },
  })
  signal.addEventListener('abort', () => {
    reject(signal.reason)
    body.error(signal.reason)
  })
  return {
    paths: new URLSearchParams(address.slice(address.indexOf('?'))).getAll('of'),
    response: promise,
    accept: () => resolve(new Response(stream)),
    refuse: (status: number, headers = {}) => resolve(Response.json({ error: 'No.' }, { status, headers })),
    send: (text: string) => body.enqueue(new TextEncoder().encode(text)),
    end: () => body.close(),
    lose: () => body.error(new TypeError('connection reset')),
    fail: () => reject(new TypeError('connection refused')),
  }
}

const OPEN = (place: number) => `event: ${place} open\ndata: {}\n\n`

let requests: ReturnType<typeof requestOf>[]
const last = () => requests.at(-1)!

beforeEach(() => {
  jest.useFakeTimers()
  requests = []
  spyOn(globalThis, 'fetch').mockImplementation(((address: string, { signal }: { signal: AbortSignal }) => {
    requests.push(requestOf(address, signal))
    return last().response
  }) as typeof fetch)
})
afterEach(() => {
  jest.restoreAllMocks()
  jest.useRealTimers()
})

/** Lets what has arrived be read. Of the real clock, no time passes. */
async function settle() {
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done))
}
async function pass(ms: number) {
  jest.advanceTimersByTime(ms)
  await settle()
}

/** Follows `path`; `phases` are all that it was in, and `now` is its state. */
function follow(streams: ReturnType<typeof createStreams>, path: string) {
  const states: StreamState[] = []
  streams.follow(path, '', { events: () => {}, state: (state) => void states.push(state) })
  return { phases: () => states.map(({ phase }) => phase), now: () => states.at(-1)! }
}

/** A stream that is open, and has just heard so. */
async function opened() {
  const streams = createStreams()
  const stream = follow(streams, '/logs')
  await pass(0)
  last().accept()
  last().send(OPEN(0))
  await settle()
  expect(stream.phases()).toEqual(['opening', 'open'])
  return { ...stream, streams }
}

describe('a stream', () => {
  test('is silent 3 s after the last byte and not before, and open with the next byte', async () => {
    const stream = await opened()
    const heardAt = Date.now()
    await pass(2_999)
    expect(stream.now()).toMatchObject({ phase: 'open' })
    await pass(1)
    expect(stream.now()).toMatchObject({ phase: 'silent', heardAt, retryAt: 0 })
    await pass(5_000)
    last().send(':')
    await settle()
    expect(stream.now()).toMatchObject({ phase: 'open', heardAt: heardAt + 8_000 })
    await pass(2_999)
    last().send('\n')
    await settle()
    await pass(2_999)
    expect(stream.phases()).toEqual(['opening', 'open', 'silent', 'open'])
    await pass(1)
    expect(stream.now().phase).toBe('silent')
    expect(requests).toHaveLength(1)
  })

  test.each(['end', 'lose'] as const)('is cut at once when the connection does: %s', async (how) => {
    const stream = await opened()
    last()[how]()
    await settle()
    expect(stream.now()).toMatchObject({ phase: 'cut', error: { status: 0 }, retryAt: Date.now() + 1_000 })
    expect(stream.phases()).not.toContain('silent')
    await pass(999)
    expect(requests).toHaveLength(1)
    await pass(1)
    expect(requests).toHaveLength(2)
    last().fail()
    await settle()
    expect(stream.now()).toMatchObject({ phase: 'cut', retryAt: Date.now() + 2_000 })
  })

  test('is cut 12 s after the last byte if the connection stays, and open again with the next one', async () => {
    const stream = await opened()
    await pass(11_999)
    expect(stream.now().phase).toBe('silent')
    await pass(1)
    expect(stream.now()).toMatchObject({
      phase: 'cut',
      error: { status: 0, message: 'The server does not answer.' },
      retryAt: Date.now() + 1_000,
    })
    await pass(1_000)
    last().accept()
    last().send(OPEN(0))
    await settle()
    expect(stream.phases()).toEqual(['opening', 'open', 'silent', 'cut', 'open'])
  })

  test.each([
    ['that is not answered', () => {}],
    ['whose answer has no byte', () => last().accept()],
  ])('of a request %s is cut after 12 s', async (_, answer) => {
    const stream = follow(createStreams(), '/logs')
    await pass(0)
    answer()
    await pass(11_999)
    expect(stream.phases()).toEqual(['opening'])
    await pass(1)
    expect(stream.phases()).toEqual(['opening', 'cut'])
  })

  test.each([400, 401, 403, 404])('whose request gets %d is not retried until somebody asks', async (status) => {
    const streams = createStreams()
    const stream = follow(streams, '/logs')
    await pass(0)
    last().refuse(status)
    await settle()
    expect(stream.now()).toMatchObject({ phase: 'cut', error: { status, message: 'No.' }, retryAt: 0 })
    await pass(600_000)
    expect(requests).toHaveLength(1)
    streams.retry()
    await pass(0)
    expect(requests).toHaveLength(2)
  })

  test.each([
    [408, {}, 1],
    [429, { 'Retry-After': '30' }, 30],
    [500, {}, 1],
    [503, { 'Retry-After': '5' }, 5],
  ])('whose request gets %d %j is retried after %d s', async (status, headers, seconds) => {
    const stream = follow(createStreams(), '/logs')
    await pass(0)
    last().refuse(status, headers)
    await settle()
    expect(stream.now()).toMatchObject({ phase: 'cut', error: { status }, retryAt: Date.now() + seconds * 1_000 })
    await pass(seconds * 1_000 - 1)
    expect(requests).toHaveLength(1)
    await pass(1)
    expect(requests).toHaveLength(2)
  })

  /** A request for two streams, of which the first is refused. */
  async function oneRefused(status: number) {
    const streams = createStreams()
    const [refused, other] = [follow(streams, '/logs'), follow(streams, '/api/overview/stream')]
    await pass(0)
    last().accept()
    last().send(`event: 0 refused\ndata: ${JSON.stringify({ status, error: 'No.' })}\n\n${OPEN(1)}`)
    await settle()
    expect(other.phases()).toEqual(['opening', 'open'])
    return { refused, other }
  }
  const paths = () => requests.map((request) => request.paths)

  test.each([401, 403, 404])('that alone is refused with %d is not retried, and the others continue', async (status) => {
    const { refused, other } = await oneRefused(status)
    for (let second = 0; second < 60; second++) {
      await pass(1_000)
      last().send(':\n')
      await settle()
    }
    expect(other.phases()).toEqual(['opening', 'open'])
    last().end()
    await settle()
    await pass(1_000)
    expect(other.phases()).toEqual(['opening', 'open', 'cut'])
    expect(refused.phases()).toEqual(['opening', 'cut'])
    expect(refused.now()).toMatchObject({ phase: 'cut', error: { status, message: 'No.' }, retryAt: 0 })
    expect(paths()).toEqual([['/logs', '/api/overview/stream'], ['/api/overview/stream']])
  })

  test.each([429, 503])('that alone is refused with %d is retried after 2 s', async (status) => {
    const { refused, other } = await oneRefused(status)
    expect(refused.now()).toMatchObject({ phase: 'cut', error: { status }, retryAt: Date.now() + 2_000 })
    await pass(1_999)
    expect(requests).toHaveLength(1)
    await pass(1)
    expect(paths()).toEqual(Array(2).fill(['/logs', '/api/overview/stream']))
    last().accept()
    last().send(OPEN(0) + OPEN(1))
    await settle()
    expect(refused.phases()).toEqual(['opening', 'cut', 'open'])
    expect(other.phases()).toEqual(['opening', 'open'])
  })
})
