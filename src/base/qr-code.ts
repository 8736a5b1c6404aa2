// A QR code as SVG and as PNG. The API, the console and `waypost link qr` draw with these functions.
import { encode } from 'uqr'
import { type PixelRow, pngOf } from './png.ts'

/** How much of the code may be unreadable: 7, 15, 25 or 30 %. */
export const CORRECTIONS = ['L', 'M', 'Q', 'H'] as const
export type Correction = (typeof CORRECTIONS)[number]

/** `margin` is in modules; scanners expect four. A higher correction is used if the code does not grow. */
type QrForm = { margin: number; ecc: Correction }
/** `size` is in pixels, colours are `#rrggbb`. */
export type QrLook = { size: number; dark: string; light: string }

export const SIZES = { min: 64, max: 2048 }
export const MARGINS = { min: 0, max: 16 }
export const PLAIN: QrForm & QrLook = { size: 1024, margin: 4, ecc: 'M', dark: '#000000', light: '#ffffff' }

/** A square of modules, margin included; true is dark. */
export type QrCode = { modules: boolean[][]; width: number }

/** Throws an error for a text of more than 1,273 to 2,953 bytes, depending on the correction. */
export function qrCode(text: string, { margin, ecc }: QrForm): QrCode {
  const { data, size } = encode(text, { ecc, boostEcc: true, border: margin })
  return { modules: data, width: size }
}

/** The dark modules as an SVG path on a grid of `width`; neighbours in a row are one rectangle. */
export function outlineOf({ modules, width }: QrCode): string {
  let path = ''
  for (const [y, row] of modules.entries())
    for (let x = 0; x < width; x++) {
      if (!row[x]) continue
      const from = x
      while (row[x + 1]) x++
      path += `M${from} ${y}h${x + 1 - from}v1H${from}z`
    }
  return path
}

export function svgOf(code: QrCode, { size, dark, light }: QrLook): string {
  const { width } = code
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 ${width} ${width}" shape-rendering="crispEdges"><path fill="${light}" d="M0 0h${width}v${width}H0z"/><path fill="${dark}" d="${outlineOf(code)}"/></svg>\n`
}

/** Every module is a whole number of pixels; the rest of the size becomes margin. */
export function qrPng({ modules, width }: QrCode, { size, dark, light }: QrLook): Promise<Uint8Array<ArrayBuffer>> {
  const scale = Math.floor(size / width)
  const before = (size - width * scale) >> 1
  const empty = (times: number): PixelRow => ({ bits: new Uint8Array(0), times })
  const rows = modules.map((row) => {
    const bits = new Uint8Array(Math.ceil(size / 8))
    for (const [x, on] of row.entries())
      for (let pixel = before + x * scale; on && pixel < before + (x + 1) * scale; pixel++)
        bits[pixel >> 3]! |= 128 >> (pixel & 7)
    return { bits, times: scale }
  })
  return pngOf(
    size,
    [empty(before), ...rows, empty(size - width * scale - before)].filter(({ times }) => times > 0),
    [light, dark],
  )
}

/** The least size at which each module of the code has two pixels: with one, cameras and scalers lose some. */
export const leastSize = ({ width }: QrCode) => Math.max(SIZES.min, 2 * width)

/** Whether scanners can tell the colours apart: dark on light, with a contrast of 3:1 or more as WCAG 2 computes it. */
export const isReadable = ({ dark, light }: Pick<QrLook, 'dark' | 'light'>) =>
  (luminance(light) + 0.05) / (luminance(dark) + 0.05) >= 3

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
