// A file for browsers: with an ETag, in the encoding that the client accepts, and cached forever if its name contains a hash of its content.
import { existsSync, readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { Problem } from '../base/problem.ts'
import { type Encoding, encodingFor } from './encoding.ts'
import { isKnown } from './etag.ts'

export type Asset = {
  /** Of the content: ten hexadecimal digits. */
  hash: string
  answer: (request: Request, cacheControl?: string) => Response
}

type Body = string | Uint8Array<ArrayBuffer>

const ENDINGS = { br: '.br', gzip: '.gz' } as const
const SAFE = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' }

/** The browser revalidates each time. */
const ASK_EACH_TIME = 'no-cache'
/** For a name whose content never changes. */
export const FOREVER = 'public, max-age=31536000, immutable'

/** The file at `path`, with the compressed forms that build.ts wrote next to it; with a `change` to its text they are created here. */
export function assetAt(
  path: string,
  type: string,
  headers: Record<string, string> = {},
  change?: (text: string) => string,
): Asset {
  const bytes = new Uint8Array(readFileSync(path))
  if (change) {
    const text = Buffer.from(change(new TextDecoder().decode(bytes)))
    return asset({ br: brotliCompressSync(text), gzip: gzipSync(text), identity: text }, type, headers)
  }
  const bodies: Partial<Record<Encoding, Body>> = {}
  for (const [encoding, ending] of Object.entries(ENDINGS) as [Encoding, string][])
    if (existsSync(path + ending)) bodies[encoding] = new Uint8Array(readFileSync(path + ending))
  return asset({ ...bodies, identity: bytes }, type, headers)
}

/** 304 if the client has it, 406 if it accepts none of the encodings. */
export function asset(
  bodies: { identity: Body } & Partial<Record<Encoding, Body>>,
  type: string,
  headers: Record<string, string> = {},
): Asset {
  const hash = new Bun.CryptoHasher('sha256').update(bodies.identity).digest('hex').slice(0, 10)
  const available = (['br', 'gzip'] as const).filter((encoding) => bodies[encoding])
  const tag = `W/"${hash}"` // weak: the same in every encoding
  return {
    hash,
    answer({ headers: asked }, cacheControl = ASK_EACH_TIME) {
      const all: Record<string, string> = { ...SAFE, ...headers, 'Cache-Control': cacheControl, ETag: tag }
      if (available.length > 0) all.Vary = 'Accept-Encoding'
      if (isKnown(asked.get('if-none-match'), tag)) return new Response(null, { status: 304, headers: all })
      const encoding = available.length === 0 ? 'identity' : encodingFor(asked.get('accept-encoding'), available)
      if (!encoding)
        throw new Problem(406, `this is available in ${[...available, 'identity'].join(', ')}: accept one of them`, {
          headers: { Vary: 'Accept-Encoding' },
        })
      if (encoding !== 'identity') all['Content-Encoding'] = encoding
      return new Response(bodies[encoding], { headers: { ...all, 'Content-Type': type } })
    },
  }
}
