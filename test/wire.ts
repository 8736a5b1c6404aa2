// HTTP by hand on a bare socket, for what no client library would send.
import { connect, type Socket } from 'node:net'

export type WireAnswer = { status: number; headers: Headers; text: string; body: any }

const WITHIN = 60_000

/**
 * Sends `request` (text is sent as Latin-1: one byte a character) and reads one answer; its stream of events is not waited for.
 * Rejects where the server closes without a word, or says nothing for 10 s.
 */
export function exchange(port: number, request: string | Buffer): Promise<WireAnswer> {
  return new Promise((done, fail) => {
    const bytes = typeof request === 'string' ? Buffer.from(request, 'latin1') : request
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    readAnswer(socket, bytes.subarray(0, 5).toString() === 'HEAD ')
      .then(done, fail)
      .finally(() => socket.destroy())
  })
}

/** The next answer on `socket`; `head`: it has no body. */
export function readAnswer(socket: Socket, head = false): Promise<WireAnswer> {
  return new Promise((done, fail) => {
    let received: Buffer = Buffer.alloc(0)
    const timer = setTimeout(() => give(new Error(`no answer within ${WITHIN} ms`)), WITHIN)
    const take = (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      const answer = parse(received, head)
      if (answer) give(answer)
    }
    const closed = () => give(parse(received, true) ?? new Error(`closed after ${received.length} bytes`))
    const broken = (error: Error) => give(parse(received, true) ?? error)
    function give(result: WireAnswer | Error) {
      clearTimeout(timer)
      socket.off('data', take).off('close', closed).off('error', broken)
      socket.on('error', () => {})
      if (result instanceof Error) fail(result)
      else done(result)
    }
    socket.on('data', take).on('close', closed).on('error', broken)
  })
}

function parse(received: Buffer, whole: boolean): WireAnswer | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n')
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  const status = Number(first.split(' ')[1])
  const payload = received.subarray(end + 4)
  const length = headers.get('content-length')
  const bodiless = status === 204 || status === 304 || headers.get('content-type') === 'text/event-stream'
  if (!whole && !bodiless && (length === null || payload.length < Number(length))) return undefined
  const text = payload.toString()
  try {
    return { status, headers, text, body: JSON.parse(text) }
  } catch {
    return { status, headers, text, body: undefined }
  }
}
