// Writes a PNG of two colours, one bit a pixel: in the server, in browsers and in commands.

/** Pixels from the left, eight a byte, the highest bit first: 1 is the second colour. The row is drawn `times` times. */
export type PixelRow = { bits: Uint8Array; times: number }

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const ONE_BIT_OF_A_PALETTE = [1, 3, 0, 0, 0]
const AS_IT_IS = 0
const AS_ABOVE = 2 // plus the difference, which is 0

/** An image `width` pixels wide in the two colours, `#rrggbb`. */
export async function pngOf(width: number, rows: PixelRow[], colours: [string, string]): Promise<Uint8Array<ArrayBuffer>> {
  const height = rows.reduce((sum, { times }) => sum + times, 0)
  const stride = 1 + Math.ceil(width / 8)
  const pixels = new Uint8Array(height * stride)
  let at = 0
  for (const { bits, times } of rows) {
    pixels[at] = AS_IT_IS
    pixels.set(bits, at + 1)
    for (let i = 1; i < times; i++) pixels[at + i * stride] = AS_ABOVE
    at += times * stride
  }
  const packed = new Response(new Blob([pixels]).stream().pipeThrough(new CompressionStream('deflate')))
  return new Uint8Array(
    await new Blob([
      new Uint8Array(SIGNATURE),
      chunk('IHDR', [...big(width), ...big(height), ...ONE_BIT_OF_A_PALETTE]),
      chunk(
        'PLTE',
        colours.flatMap((colour) => big(Number.parseInt(colour.slice(1), 16)).slice(1)),
      ),
      chunk('IDAT', new Uint8Array(await packed.arrayBuffer())),
      chunk('IEND', []),
    ]).arrayBuffer(),
  )
}

function chunk(type: string, data: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 12)
  bytes.set(big(data.length))
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  bytes.set(big(crc(bytes.subarray(4, -4))), bytes.length - 4)
  return bytes
}

/** Four bytes, the highest first. */
const big = (number: number) => [24, 16, 8, 0].map((bits) => (number >>> bits) & 255)

/** CRC-32, which PNG requires of every chunk. */
function crc(bytes: Uint8Array): number {
  let rest = -1
  for (const byte of bytes) {
    rest ^= byte
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0)
  }
  return ~rest
}
