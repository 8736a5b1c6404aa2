import type { Link } from '../../src/links/schema.ts'

const COLUMNS = ['id', 'user_id', 'short_code', 'original_url', 'title', 'is_active', 'created_at', 'updated_at'] as const

/** Links as the import takes them. */
export const linksCsv = (links: Link[]) =>
  `${[COLUMNS.join(), ...links.map((link) => COLUMNS.map((name) => quoted(link[name])).join())].join('\n')}\n`

/** What an import of links may hold. */
export const LINKS_FILE = {
  columns: {
    required: ['original_url'],
    optional: COLUMNS.filter((name) => name !== 'original_url'),
  },
  template: 'original_url,short_code,title\nhttps://example.com/a/page,a-page,A page\n',
}

function quoted(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
