// A QR code as an SVG path, and as SVG and PNG files. Black on white in both themes: some scanners read nothing else.
import { encode } from 'uqr'

/** Four white modules around it, as the standard requires. */
const BORDER = 4
const PIXELS = 1024

type QrCode = { size: number; path: string }

/** `text` as a path on a grid of `size`; rows of black modules are one rectangle each. */
export function qrCode(text: string): QrCode {
  const { data, size } = encode(text, { ecc: 'M', boostEcc: true, border: BORDER })
  let path = ''
  for (const [y, row] of data.entries())
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue
      const from = x
      while (row[x + 1]) x++
      path += `M${from} ${y}h${x + 1 - from}v1H${from}z`
    }
  return { size, path }
}

export function svgOf({ size, path }: QrCode): Blob {
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>\n`
  return new Blob([text], { type: 'image/svg+xml' })
}

/** At least 1,024 pixels wide, with a whole number of pixels per module. */
export async function pngOf({ size, path }: QrCode): Promise<Blob> {
  const scale = Math.ceil(PIXELS / size)
  const canvas = Object.assign(document.createElement('canvas'), { width: size * scale, height: size * scale })
  const pen = canvas.getContext('2d')!
  pen.fillStyle = '#fff'
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.scale(scale, scale)
  pen.fillStyle = '#000'
  pen.fill(new Path2D(path))
  return new Promise((made, failed) => canvas.toBlob((blob) => (blob ? made(blob) : failed(new Error('no PNG'))), 'image/png'))
}
