// Cells of a CSV file, as spreadsheets and the import read them; the console writes such files too. Own code, because exports run on the thread
// that answers redirects: 100,000 links take 76 ms here and 990 with csv-stringify 6.9.0 (docs/decisions/0043-own-csv-cells-and-cookies.md), which
// would also add 9.9 KB to the console instead of 0.2.

/** What a spreadsheet reads as the start of a formula, also after apostrophes. */
const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

/**
 * A value as a cell, a list with bars in between. `guard` puts an apostrophe in front of text that a spreadsheet would run as a formula. Formula-like text that already starts
 * with an apostrophe always gets another one, so that `unguarded` restores it.
 */
export function csvCell(value: string | number | boolean | null | undefined | string[], guard = false): string {
  const text = value === null || value === undefined ? '' : Array.isArray(value) ? value.join('|') : String(value)
  const guarded = FORMULA.test(text) && (guard || text.startsWith("'")) ? `'${text}` : text
  return /[",;\t\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded
}

/** The text of a cell, without the guarding apostrophe. */
export const unguarded = (cell: string) => (cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell)
