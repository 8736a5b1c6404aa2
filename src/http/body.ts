// Reads request bodies: JSON objects only, with limits on bytes and depth that apply before anything is allocated.

import { Problem } from '../base/problem.ts'
import { within } from '../base/time-limit.ts'
import { textOf } from './charset.ts'
import { parametersOf } from './parameters.ts'
import { assertStorable } from './validation.ts'

const MAX_BODY = 1024 * 1024
const MAX_DEPTH = 64
const JSON_WITHIN = 20_000 // Bun itself requires 16 KB a second, checked every 30 s

/** The JSON object in the body. 415 for another content type or an unknown charset, 413 above 1 MiB (also when chunked), 400 for anything but an object. */
export async function readJson(request: Request): Promise<Record<string, unknown>> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new Problem(415, 'the content type must be application/json')
  const bytes = await readBytes(request, MAX_BODY, JSON_WITHIN)
  const text = textOf(bytes, parametersOf(type).get('charset'), 'the body', 'body')
  if (depthOf(text) > MAX_DEPTH)
    throw new Problem(400, `the JSON is nested more than ${MAX_DEPTH} deep`, bodyDetail('is nested too deep'))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Problem(400, 'the body is not valid JSON', bodyDetail('must be valid JSON'))
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Problem(400, 'the body must be a JSON object', bodyDetail('must be a JSON object'))
  assertStorable(value)
  return value as Record<string, unknown>
}

/** The body's bytes; 415 if they are compressed, 413 as soon as there are more than `limit`, 408 if they end early or take longer than `ms`. */
export async function readBytes(request: Request, limit: number, ms?: number): Promise<Uint8Array> {
  assertNotCompressed(request.headers.get('content-encoding'))
  const reading = readUpTo(request, limit)
  try {
    return await (ms ? within(reading, ms, incomplete) : reading)
  } catch (error) {
    if ((error as { name?: string }).name === 'AbortError') throw incomplete() // the client left, or was cut off
    throw error
  }
}

/** Compressed bodies are refused: a megabyte can expand to a gigabyte. */
function assertNotCompressed(encoding: string | null) {
  if (!encoding || /^[\s,]*(identity[\s,]*)*$/i.test(encoding)) return
  throw new Problem(415, 'the body must not be compressed: send it without Content-Encoding', {
    headers: { 'Accept-Encoding': 'identity' },
  })
}

async function readUpTo(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new Problem(413, `the body is larger than ${limit} bytes`)
  const length = request.headers.get('content-length')
  if (length !== null) {
    if (Number(length) > limit) throw tooLarge()
    return request.bytes()
  }
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request.body ?? []) {
    size += part.byteLength
    if (size > limit) throw tooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const incomplete = () => new Problem(408, 'the body did not arrive in time', { headers: { Connection: 'close' } })

const bodyDetail = (message: string) => ({ details: [{ field: 'body', message }] })

/** The deepest nesting of brackets outside strings, found without allocating. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (inString) {
      if (char === BACKSLASH) i++
      else if (char === QUOTE) inString = false
    } else if (char === QUOTE) inString = true
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) deepest = Math.max(deepest, ++depth)
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--
  }
  return deepest
}

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [...'"\\{}[]'].map((char) =>
  char.charCodeAt(0),
) as [number, number, number, number, number, number]
