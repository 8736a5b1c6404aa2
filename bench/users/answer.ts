// HTTP/1.1 answers, as far as a load test reads them.

export type Answer = { status: number; location: string | undefined; close: boolean; body: Buffer }

/** The answer that `bytes` begin with, or undefined if it is incomplete. Throws if it is no HTTP response. */
export function readAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.latin1Slice(0, end)
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1])
  if (!status) throw new Error('no HTTP answer')
  const header = (name: string) => new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1]
  const chunked = /chunked/i.test(header('transfer-encoding') ?? '')
  const body = chunked ? chunks(bytes, end + 4) : stretch(bytes, end + 4, Number(header('content-length') ?? 0))
  return body && { status, location: header('location'), close: /close/i.test(header('connection') ?? ''), body }
}

const stretch = (bytes: Buffer, start: number, length: number) =>
  bytes.length < start + length ? undefined : bytes.subarray(start, start + length)

function chunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return undefined
    const length = Number.parseInt(bytes.latin1Slice(at, line), 16)
    if (Number.isNaN(length)) throw new Error('no HTTP answer')
    const part = stretch(bytes, line + 2, length + 2)
    if (!part) return undefined
    if (length === 0) return Buffer.concat(parts)
    parts.push(part.subarray(0, length))
    at = line + 2 + length + 2
  }
}
