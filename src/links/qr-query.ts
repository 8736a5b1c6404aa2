// The options of a QR code, in a query or as flags of `waypost link qr`.
import { Type } from '@sinclair/typebox'
import { inCapitals } from '../base/code.ts'
import { invalid } from '../base/problem.ts'
import {
  CORRECTIONS,
  type Correction,
  isReadable,
  leastSize,
  MARGINS,
  PLAIN,
  type QrCode,
  type QrLook,
  qrCode,
  SIZES,
} from '../base/qr-code.ts'
import { flagFilter, OTHERS_IGNORED } from '../http/validation.ts'

type Query = Record<string, string | undefined>

const option = (description: string, byDefault?: string) => Type.Optional(Type.String({ description, default: byDefault }))

export const QrQuery = Type.Object(
  {
    size: option(`Width and height in pixels, ${SIZES.min} to ${SIZES.max}.`, String(PLAIN.size)),
    margin: option(`Margin in modules, ${MARGINS.min} to ${MARGINS.max}. Scanners expect ${PLAIN.margin}.`, String(PLAIN.margin)),
    ecc: option(
      'Error correction: L, M, Q or H tolerate damage to 7, 15, 25 or 30 %. A higher one is used if the code does not grow.',
      PLAIN.ecc,
    ),
    dark: option('Colour of the modules, as hexadecimal RGB: 0a6a8f or 06f.', PLAIN.dark.slice(1)),
    light: option('Colour of the background.', PLAIN.light.slice(1)),
    track: option('true or 1: the code contains the short URL with ?qr, so that scans can be recognised.', 'false'),
    capitals: option(
      'true or 1: the code contains the short URL in capitals, which makes it smaller. For links that are found so: CODES is insensitive, or the code has no lower-case letters. Not with track.',
      'false',
    ),
  },
  OTHERS_IGNORED,
)

/** The code of a short URL, and how to draw it. Throws a 400 that names the parameter. Whether the link is found in capitals is for the caller to check. */
export function readQr(query: Query, shortUrl: string): { code: QrCode; look: QrLook; capitals: boolean } {
  const margin = wholeIn(query, 'margin', MARGINS)
  const ecc = (query.ecc ?? PLAIN.ecc).toUpperCase() as Correction
  if (!CORRECTIONS.includes(ecc)) throw invalid('ecc', 'must be L, M, Q or H')
  const look = { size: wholeIn(query, 'size', SIZES), dark: colourIn(query, 'dark'), light: colourIn(query, 'light') }
  if (!isReadable(look))
    throw invalid(
      look.light === PLAIN.light ? 'dark' : 'light',
      'makes the code unreadable: dark must be much darker than light, with a contrast of 3:1 or more',
    )
  const capitals = flagFilter(query, 'capitals') ?? false
  const track = flagFilter(query, 'track') ?? false
  const code = qrCode(capitals ? capitalsOf(shortUrl, track) : track ? `${shortUrl}?qr` : shortUrl, { margin, ecc })
  if (look.size < leastSize(code)) throw invalid('size', `must be at least ${leastSize(code)} for this code and margin`)
  return { code, look, capitals }
}

/** A QR code of these characters alone takes 5.5 bits for each, others 8: with one other character, capitals save nothing. */
const OTHERS = /[^A-Z0-9$%*+./:-]/u

function capitalsOf(shortUrl: string, track: boolean): string {
  if (track) throw invalid('capitals', 'cannot be combined with track: with ?qr, capitals make the code no smaller')
  const text = inCapitals(shortUrl)
  const [other] = OTHERS.exec(text) ?? []
  if (other !== undefined) throw invalid('capitals', `makes the code no smaller, because the short URL contains ${other}`)
  return text
}

function wholeIn(query: Query, field: 'size' | 'margin', { min, max }: { min: number; max: number }): number {
  const text = query[field] ?? String(PLAIN[field])
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < min || number > max) throw invalid(field, `must be a whole number from ${min} to ${max}`)
  return number
}

/** A colour as `#rrggbb`, from that, `rrggbb`, `#rgb` or `rgb`. */
function colourIn(query: Query, field: 'dark' | 'light'): string {
  const [, digits] = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(query[field] ?? PLAIN[field]) ?? []
  if (digits === undefined) throw invalid(field, 'must be a colour in hexadecimal: 0a6a8f or 06f')
  return `#${digits.length === 3 ? digits.replace(/./g, '$&$&') : digits}`.toLowerCase()
}
