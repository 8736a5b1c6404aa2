// A user's one connection. Not fetch: it shares connections among users, and asks again by itself where one breaks, which is what a load test must see.
import type { Socket } from 'bun'
import { type Answer, readAnswer } from './answer.ts'

export type Connection = ReturnType<typeof openConnection>

const ANSWER_WITHIN = 10_000
const TIMED_OUT = 'timed out'

/** Connects at the first request, and again where the server closed in between. */
export function openConnection(url: URL) {
  const tls = url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const to = { hostname, port: Number(url.port) || (tls ? 443 : 80), tls: tls && { serverName: hostname } }
  let socket: Socket | undefined
  let waiting: PromiseWithResolvers<Answer> | undefined
  let received: Buffer = Buffer.alloc(0)
  let opened = 0

  const drop = (reason: string) => {
    const gone = socket
    socket = undefined
    gone?.terminate()
    waiting?.reject(new Error(reason))
  }
  const lost = (from: Socket, reason: string) => {
    if (from === socket) drop(reason)
  }
  const connect = () =>
    Bun.connect({
      ...to,
      socket: {
        data(from, bytes) {
          if (from !== socket || !waiting) return
          received = received.length > 0 ? Buffer.concat([received, bytes]) : Buffer.from(bytes)
          try {
            const answer = readAnswer(received)
            if (!answer) return
            waiting.resolve(answer)
            if (answer.close) drop('closed')
          } catch (error) {
            drop((error as Error).message)
          }
        },
        end: (from) => lost(from, 'connection closed'),
        close: (from) => lost(from, 'connection closed'),
        error: (from) => lost(from, 'connection broken'),
      },
    })

  return {
    /** How often it was opened. */
    opened: () => opened,
    /** Sends `request` and resolves with its answer. Rejects, with a few words, where none came. */
    async ask(request: string): Promise<Answer> {
      received = Buffer.alloc(0)
      const answered = (waiting = Promise.withResolvers<Answer>())
      const timer = setTimeout(() => drop(TIMED_OUT), ANSWER_WITHIN)
      try {
        if (!socket) {
          opened++
          const connecting = connect()
          await Promise.race([connecting, answered.promise]).catch((error: Error) => {
            connecting.then((late) => late.terminate()).catch(() => {})
            throw new Error(error.message === TIMED_OUT ? TIMED_OUT : 'not connected')
          })
          socket = await connecting
        }
        socket.write(request)
        return await answered.promise
      } finally {
        clearTimeout(timer)
        answered.promise.catch(() => {}) // where it was not waited for
        waiting = undefined
      }
    },
    close() {
      drop('closed')
    },
  }
}
