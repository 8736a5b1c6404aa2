import type { Database } from '../database/guard.ts'
import { generateCode } from '../links/code.ts'
import { NewLink } from '../links/schema.ts'
import { locationOf, refusal as misshapen } from '../links/target.ts'
import { CODE, RESERVED } from '../redirect/code.ts'
import { flag, id, optional, required, text, time } from './cells.ts'
import { BadCell, readRows } from './csv.ts'
import { storeLinks } from './links-store.ts'
import { importFile, type Progress, type Source } from './load.ts'

const columns = {
  id: optional(id),
  user_id: optional(id),
  short_code: optional(code),
  original_url: required(target),
  title: optional(text(NewLink.properties.title)),
  is_active: optional(flag),
  created_at: optional(time),
  updated_at: optional(time),
}

/**
 * Imports a urls.csv, without `created` events: the files bring their own. Ids are kept where they are free. A link is already there when
 * its code stands with the same target or the same id, also when it was deleted since; a row without a code gets one, unless as many
 * links of its target, title, user and time are there already. References are to users of the database, or of the same import.
 */
export const importLinks = (database: Database, file: Uint8Array, progress?: Progress) =>
  importFile(database, linkSource, file, progress)

export const linkSource: Source = {
  file: 'urls.csv',
  table: 'urls',
  staging: 'import_links',
  read: (file) => read(file, () => undefined),
  store: storeLinks,
}

/** The same, without the targets that `refusal` gives a reason against. */
export const admittedLinks = (refusal: (target: string) => string | undefined): Source => ({
  ...linkSource,
  read: (file) => read(file, refusal),
})

function code(cell: string): string {
  const code = cell.trim()
  if (!CODE.test(code)) throw new BadCell('must be 1 to 64 of A-Z a-z 0-9 _ -')
  if (RESERVED.has(code.toLowerCase())) throw new BadCell('is a word that Waypost uses itself')
  return code
}

function target(cell: string): string {
  const target = cell.trim()
  const reason = misshapen(target)
  if (reason) throw new BadCell(reason)
  return target
}

async function read(file: Uint8Array, refusal: (target: string) => string | undefined) {
  const codes = new Map<string, { line: number; original_url: string }>()
  const ids = new Map<number, { line: number; short_code: string | null }>()
  const rows = await readRows(file, columns, (row, refuse) => {
    const { id, short_code, original_url } = row
    const reason = refusal(original_url)
    if (reason) refuse('original_url', reason)
    const same = ids.get(id ?? 0)
    if (same && (short_code === null || same.short_code !== short_code)) refuse('id', `is that of row ${same.line} too`)
    else if (id !== null && !same) ids.set(id, row)
    const first = codes.get(short_code ?? '')
    if (first && first.original_url !== original_url)
      refuse('short_code', `is that of row ${first.line} too, with another target`)
    else if (short_code !== null && !first) codes.set(short_code, row)
    return {
      ...row,
      file_id: id,
      made: short_code === null,
      repeats: first?.line ?? null,
      location: locationOf(original_url),
      is_active: row.is_active ?? true,
      there: false,
    }
  })
  const made = new Set<string>()
  for (const row of rows) row.short_code ??= newCode((code) => codes.has(code) || made.has(code), made)
  return rows
}

const CODE_LENGTH = 6

function newCode(isTaken: (code: string) => boolean, made: Set<string>): string {
  let code: string
  do code = generateCode(CODE_LENGTH)
  while (isTaken(code))
  made.add(code)
  return code
}
