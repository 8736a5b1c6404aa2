// Answers that begin before the work is done.
import { describe, expect, test } from 'bun:test'
import { openExchange } from '../../src/http/exchange.ts'
import { answerInTime } from '../../src/http/long-answer.ts'
import { NOBODY } from '../../src/http/principal.ts'

const STEPS = 5

function requestOf(stillAuthorised?: () => boolean, signal?: AbortSignal): Request {
  const request = new Request('http://localhost/urls/bulk', { signal })
  openExchange(request, { id: '', path: '', origin: '', route: '', started: 0, principal: NOBODY, stillAuthorised })
  return request
}

/** Work whose steps are counted; `at` is called before each. */
function work(at: (step: number) => void = () => {}) {
  const counted = { steps: 0, ended: false }
  async function* steps() {
    try {
      for (let step = 1; step <= STEPS; step++) {
        at(step)
        counted.steps++
        yield
      }
      return { changed: STEPS }
    } finally {
      counted.ended = true
    }
  }
  return { steps: steps(), counted }
}

describe('an answer', () => {
  test('of quick work is its value', async () => {
    expect(await answerInTime(requestOf(), work().steps)).toEqual({ changed: STEPS })
  })

  test('of slow work begins with blanks, and is JSON', async () => {
    const response = (await answerInTime(requestOf(), work().steps, 0)) as Response
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    const text = await response.text()
    expect(text).toMatch(/^ +\{/)
    expect(JSON.parse(text)).toEqual({ changed: STEPS })
  })

  test.each([
    ['with an error', () => {}, undefined],
    ['when the caller is no longer authorised', undefined, true],
  ])('that has begun is cut off %s', async (_, fails, revoked) => {
    let authorised = true
    const { steps, counted } = work((step) => {
      if (step < 3) return
      if (fails) throw new Error('lost')
      authorised = false
    })
    const response = (await answerInTime(
      requestOf(() => authorised),
      steps,
      0,
    )) as Response
    await expect(response.text()).rejects.toThrow()
    expect([counted.ended, revoked === true && counted.steps]).toEqual([true, revoked === true && 3])
  })

  test('that fails before it began is the error', async () => {
    const { steps } = work(() => {
      throw new Error('lost')
    })
    await expect(answerInTime(requestOf(), steps, 0)).rejects.toThrow('lost')
  })

  test('ends the work when the client leaves, before and after it has begun', async () => {
    const leaving = new AbortController()
    const before = work((step) => step === 2 && leaving.abort())
    await expect(answerInTime(requestOf(undefined, leaving.signal), before.steps)).rejects.toThrow('left')
    expect(before.counted).toEqual({ steps: 2, ended: true })

    const after = work()
    const response = (await answerInTime(requestOf(), after.steps, 0)) as Response
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(after.counted).toEqual({ steps: 2, ended: true })
  })
})
