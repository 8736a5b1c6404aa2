import { writeFileSync } from 'node:fs'
import { causeOf } from '../../base/file-error.ts'
import { Problem } from '../../base/problem.ts'
import type { QrCode } from '../../base/qr-code.ts'
import { ConfigError } from '../../config/config.ts'
import { readQr } from '../../links/qr-query.ts'
import type { Link } from '../../links/schema.ts'
import { ask, type Server } from './server.ts'
import { onTerminal, print } from './shown.ts'

/** Writes the QR code of a link to `file`, in the format of its ending. Without a file, draws it on a terminal, or prints SVG. */
export async function writeQr(server: Server, link: Link, file: string | undefined, query: Record<string, string>) {
  const draw = (kind: string) => ask(server, 'GET', `/urls/${link.id}/qr.${kind}?${new URLSearchParams(query)}`)
  if (file === undefined && onTerminal()) {
    const blocks = inBlocks(codeOf(link, query))
    if (query.capitals !== undefined) await draw('svg') // the server refuses it for a link that is not found in capitals
    return print(blocks)
  }
  const [, kind = file === undefined ? 'svg' : undefined] = /\.(svg|png)$/i.exec(file ?? '') ?? []
  if (kind === undefined) throw new ConfigError(`the file ${file} must end with .svg or .png`)
  const image = await draw(kind.toLowerCase())
  if (file === undefined) return print(await image.text())
  try {
    writeFileSync(file, await image.bytes())
  } catch (error) {
    throw new Error(`${file} cannot be written: ${causeOf(error)}`)
  }
}

function codeOf({ short_url }: Link, query: Record<string, string>): QrCode {
  try {
    return readQr(query, short_url).code
  } catch (error) {
    throw error instanceof Problem ? new ConfigError(error.message) : error
  }
}

/** Two rows of modules in a line of text; black on white whatever the colours of the terminal. */
function inBlocks({ modules, width }: QrCode): string {
  let text = ''
  for (let y = 0; y < width; y += 2) {
    const cells = modules[y]!.map((upper, x) => ' ▀▄█'[Number(upper) + 2 * Number(modules[y + 1]?.[x] ?? false)])
    text += `\x1b[38;5;16;48;5;231m${cells.join('')}\x1b[0m\n`
  }
  return text
}
