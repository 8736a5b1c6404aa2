// How links are printed: as a table on a terminal, else as JSON.
import { visibleLine } from '../../base/visible.ts'
import type { Link } from '../../links/schema.ts'

export const onTerminal = () => process.stdout.isTTY === true

/** Prints a text and waits until it is read, so that a long list needs no more memory than a short one. Ends the command if the reader closes the pipe. */
export const print = (text: string) =>
  new Promise<void>((done, failed) =>
    process.stdout.write(text, (error) => {
      if (!error) return done()
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
      failed(error)
    }),
  )

/** One value as JSON. Terminals execute some control characters that JSON leaves as they are. */
export const jsonText = (value: unknown, indent?: number) =>
  JSON.stringify(value, null, indent).replace(/[\x7f-\x9f]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`)

/** Prints one link: every field that is set, or all of it as JSON. */
export async function printLink(link: Link, json: boolean) {
  if (json) return print(`${jsonText(link, 2)}\n`)
  const { short_url, ...rest } = link
  const fields = Object.entries({ short_url, ...rest }).filter(([, value]) => value !== null)
  const width = Math.max(...fields.map(([name]) => name.length))
  await print(fields.map(([name, value]) => `${name.padEnd(width)}  ${cellOf(value)}\n`).join(''))
}

/** Prints pages of links as they come: `add` one page, and `end`. */
export function listPrinter(json: boolean) {
  let begun = false
  let table: ReturnType<typeof tableOf> | undefined
  return {
    async add(links: Link[]) {
      if (json) await print(links.map((link, i) => `${begun || i > 0 ? ',' : '['}\n${jsonText(link)}`).join(''))
      else if (links.length > 0) {
        table ??= tableOf(links, process.stdout.columns || 120)
        await print(`${begun ? '' : table.head}${links.map(table.line).join('')}`)
      }
      begun ||= links.length > 0
    },
    async end() {
      if (json) await print(begun ? '\n]\n' : '[]\n')
    },
  }
}

type Column = { title: string; right?: true; cell: (link: Link) => string }

const COLUMNS: Column[] = [
  { title: 'ID', right: true, cell: ({ id }) => String(id) },
  { title: 'CODE', cell: ({ short_code }) => visibleLine(short_code) },
  { title: 'CLICKS', right: true, cell: ({ click_count }) => click_count.toLocaleString('en') },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'TITLE', cell: ({ title }) => shortened(visibleLine(title ?? ''), 30) },
  { title: 'TARGET', cell: ({ original_url }) => visibleLine(original_url) },
]

/** The widths fit the first page; the last column gets the rest of `width`. */
function tableOf(links: Link[], width: number) {
  const widths = COLUMNS.map(({ title, cell }) => Math.max(title.length, ...links.map((link) => widthOf(cell(link)))))
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0)
  const row = (cells: string[]) =>
    `${cells
      .map((cell, i) => {
        if (i === cells.length - 1) return shortened(cell, Math.max(20, width - before))
        const blanks = ' '.repeat(Math.max(0, widths[i]! - widthOf(cell)))
        return COLUMNS[i]!.right ? blanks + cell : cell + blanks
      })
      .join('  ')
      .trimEnd()}\n`
  return { head: row(COLUMNS.map(({ title }) => title)), line: (link: Link) => row(COLUMNS.map(({ cell }) => cell(link))) }
}

/** Columns on a terminal: two for each letter of Chinese, Japanese and Korean. */
const widthOf = (text: string) => Bun.stringWidth(text)

function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let start = ''
  for (const character of text) {
    if (widthOf(start + character) > width - 1) break
    start += character
  }
  return `${start}…`
}

const cellOf = (value: unknown) => visibleLine(typeof value === 'object' ? JSON.stringify(value) : String(value))
