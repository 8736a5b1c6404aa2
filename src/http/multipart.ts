// Parses complete multipart/form-data bodies: Bun's own parser refuses names without quotes, which .NET sends.

import { Problem } from '../base/problem.ts'
import { parametersOf } from './parameters.ts'

/** `file`: the part has a file name or a content type. `type` is the content type as sent. */
export type Part = { name: string; file: boolean; type: string; bytes: Uint8Array }

const MAX_PARTS = 100
const MAX_HEADER = 16 * 1024

/** The parts of a body, in order. Lines may end with CRLF or LF; names may be quoted or not. Throws 400 if the body is invalid. */
export function readParts(body: Uint8Array, contentType: string): Part[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const boundary = parametersOf(contentType).get('boundary')
  if (!boundary) throw broken('has no boundary in its content type')
  const parts: Part[] = []
  let line = delimiter(bytes, boundary, 0)
  while (line && !line.last) {
    if (parts.length === MAX_PARTS) throw broken(`has more than ${MAX_PARTS} parts`)
    const next = delimiter(bytes, boundary, line.end - 1) // its line break may be that of an empty part
    if (!next) throw broken('ends before its last boundary')
    parts.push(readPart(bytes.subarray(line.end, Math.max(line.end, next.start))))
    line = next
  }
  if (!line) throw broken(`has no line --${boundary.slice(0, 70)}`)
  return parts
}

/** The next boundary line: the end of the text before it, and the end of the line itself. */
function delimiter(bytes: Buffer, boundary: string, from: number): { start: number; end: number; last: boolean } | undefined {
  const mark = Buffer.from(`--${boundary}`)
  for (let at = bytes.indexOf(mark, from); at >= 0; at = bytes.indexOf(mark, at + 1)) {
    if (at > 0 && bytes[at - 1] !== LF) continue
    const after = at + mark.length
    const start = at === 0 ? 0 : bytes[at - 2] === CR ? at - 2 : at - 1
    if (bytes[after] === DASH && bytes[after + 1] === DASH) return { start, end: bytes.length, last: true }
    let end = after
    while (bytes[end] === SPACE || bytes[end] === TAB) end++
    if (bytes[end] === CR) end++
    if (bytes[end] === LF) return { start, end: end + 1, last: false }
  }
}

function readPart(bytes: Buffer): Part {
  const head = /^(?:[^\n]+\n)*?\r?\n/.exec(bytes.subarray(0, MAX_HEADER).toString('latin1'))?.[0]
  if (head === undefined) throw broken('has a part without a blank line after its headers')
  const headers = new Map<string, string>()
  for (const line of Buffer.from(head, 'latin1')
    .toString()
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const disposition = headers.get('content-disposition') ?? ''
  const parameters = parametersOf(disposition)
  const name = parameters.get('name')
  if (!/^form-data\s*(;|$)/i.test(disposition) || name === undefined) throw broken('has a part without a name')
  if (!/^(7bit|8bit|binary|)$/i.test(headers.get('content-transfer-encoding') ?? ''))
    throw broken('has a part with a Content-Transfer-Encoding: send its bytes without it')
  const type = headers.get('content-type') ?? ''
  const file = type !== '' || parameters.has('filename') || parameters.has('filename*')
  return { name, file, type, bytes: bytes.subarray(Buffer.byteLength(head, 'latin1')) }
}

const broken = (message: string) =>
  new Problem(400, `the body is not valid multipart/form-data: it ${message}`, {
    details: [{ field: 'body', message: 'must be valid multipart/form-data' }],
  })

const [CR, LF, DASH, SPACE, TAB] = [...'\r\n- \t'].map((char) => char.charCodeAt(0)) as [number, number, number, number, number]
