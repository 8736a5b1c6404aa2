import { csvCell } from '../../src/base/csv-cell.ts'
import { IMPORTED } from '../../src/links/columns.ts'
import type { Link } from '../../src/links/schema.ts'

/** Links as CSV, for the import and for spreadsheets: with a byte order mark, and no cell that would run as a formula. */
export const linksCsv = (links: Link[]) =>
  `\ufeff${[IMPORTED.join(), ...links.map((link) => IMPORTED.map((name) => csvCell(link[name], true)).join())].join('\r\n')}\r\n`

/** The columns that an import of links accepts. */
export const LINKS_FILE = {
  columns: {
    required: ['original_url'],
    optional: IMPORTED.filter((name) => name !== 'original_url'),
  },
  template: 'original_url,short_code,title\nhttps://example.com/a/page,a-page,A page\n',
}

/** The address of the server's export of what matches. */
export const exportOf = (filter: Record<string, string>) =>
  `/api/export/links.csv?${new URLSearchParams({ ...filter, bom: '1', guard: '1' })}`
