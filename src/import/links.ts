import { Value } from '@sinclair/typebox/value'
import { LOWER_ALPHABET, MAX_ALIASES } from '../base/code.ts'
import { unguarded } from '../base/csv-cell.ts'
import type { Problem } from '../base/problem.ts'
import { tagsOf } from '../base/tag.ts'
import { refusalOf } from '../base/wide-code.ts'
import { generateCode } from '../links/code.ts'
import { IMPORTED, type NamesOf } from '../links/columns.ts'
import { linkResource, NewLink } from '../links/schema.ts'
import { encoded, refusal as malformed } from '../links/target.ts'
import { BadCell } from './bad-rows.ts'
import { flag, id, optional, required, text, time } from './cells.ts'
import { readRows } from './csv.ts'
import type { CsvFile } from './csv-file.ts'
import { lineIndex } from './line-index.ts'
import { storeLinks } from './links-store.ts'
import type { Refusal, Source } from './source.ts'

const title = text(NewLink.properties.title)
const note = text(NewLink.properties.note)

const columns = {
  id: optional(id),
  user_id: optional(id),
  short_code: optional(code),
  original_url: required(target),
  title: optional((cell) => title(unguarded(cell))),
  is_active: optional(flag),
  created_at: optional(time),
  updated_at: optional(time),
  valid_from: optional(time),
  valid_until: optional(time),
  expired_url: optional(target),
  max_clicks: optional(clicks),
  forward_query: optional(forwardQuery),
  forward_path: optional(flag),
  confirm: optional(flag),
  noindex: optional(flag),
  note: optional((cell) => note(unguarded(cell))),
  tags: optional(tags),
  aliases: optional(aliases),
  password: optional(isProtected),
} satisfies Record<NamesOf<'imported'> | 'aliases' | 'password', unknown>

/**
 * Writes no `created` events: events.csv contains them. For a caller of the API, each new link gets an `imported` event. Ids are kept if they are
 * free. A link that had a password becomes inactive. A link exists already if its code has the same
 * target or the same id, even if it was deleted since. A row without a code gets one, unless as many links with its target, title, user
 * and time exist already. References are to users in the database or in the same import.
 */
export const linkSource: Source = {
  name: 'links',
  file: 'urls.csv',
  table: 'urls',
  columns,
  staged: [...IMPORTED, 'location', 'line', 'file_id', 'made', 'repeats', 'there', 'aliases'],
  tag: linkResource.tag,
  read,
  store: storeLinks,
}

function code(cell: string): string {
  return codeOf(unguarded(cell.trim()))
}

/** Codes, separated by blanks. */
function aliases(cell: string): string[] {
  const codes = unguarded(cell.trim()).split(/\s+/)
  if (codes.length > MAX_ALIASES) throw new BadCell(`must have at most ${MAX_ALIASES} codes`)
  return codes.map(codeOf)
}

function codeOf(text: string): string {
  const code = text.normalize('NFC')
  const reason = refusalOf(code)
  if (reason) throw new BadCell(reason)
  return code
}

function target(cell: string): string {
  const target = unguarded(cell.trim())
  const reason = malformed(target)
  if (reason) throw new BadCell(reason)
  return target
}

function clicks(cell: string): number {
  const number = Number(cell)
  if (!Value.Check(NewLink.properties.max_clicks, number)) throw new BadCell('must be a whole number from 1 up')
  return number
}

function tags(cell: string): string[] {
  const given = unguarded(cell.trim())
    .split('|')
    .filter((tag) => tag.trim() !== '')
  try {
    return tagsOf(given, 'tags')
  } catch (error) {
    throw new BadCell((error as Problem).details![0]!.message)
  }
}

/** Whether it has a password, which no file contains. */
function isProtected(cell: string): boolean {
  try {
    return flag(cell)
  } catch {
    throw new BadCell('must be True or False: set the password itself afterwards')
  }
}

function forwardQuery(cell: string): string | null {
  if (cell === 'add' || cell === 'override') return cell
  if (cell === 'off') return null
  throw new BadCell('must be off, add or override')
}

function read(file: CsvFile, refusal: Refusal = () => undefined, recode: number[] = []) {
  const codes = lineIndex(file.size)
  const ids = lineIndex(file.size)
  return readRows(file, columns, ({ password, ...row }, refuse) => {
    const { line, id, original_url } = row
    const reason = refusal(original_url)
    if (reason) refuse('original_url', reason)
    const elsewhere = row.expired_url && refusal(row.expired_url)
    if (elsewhere) refuse('expired_url', elsewhere)
    if (row.valid_from && row.valid_until && row.valid_until <= row.valid_from) refuse('valid_until', 'must be after valid_from')
    const same = id === null ? undefined : ids.find(id)
    if (same && (row.short_code === null || !same.isMarked(row.short_code))) refuse('id', `is also that of row ${same.line}`)
    else if (id !== null && !same) ids.set(id, line, row.short_code ?? undefined)
    const made = row.short_code === null
    const short_code = row.short_code ?? newCode(codes)
    let first = codes.find(short_code)
    if (first?.isMarked(MADE)) {
      recode.push(first.line)
      first = undefined
    }
    if (first && !first.isMarked(original_url)) refuse('short_code', `is also that of row ${first.line}, with another target`)
    else if (!first) codes.set(short_code, line, made ? MADE : original_url)
    for (const alias of row.aliases ?? []) {
      const other = codes.find(alias)
      if (other?.isMarked(MADE)) recode.push(other.line)
      else if (other && other.line !== (first?.line ?? line))
        refuse('aliases', `has ${alias}, which is also a code of row ${other.line}`)
      codes.set(alias, first?.line ?? line, original_url)
    }
    return {
      ...row,
      short_code,
      file_id: id,
      made,
      repeats: first?.line ?? null,
      location: encoded(original_url),
      is_active: password !== true && (row.is_active ?? true), // else the link would be open to everyone
      there: false,
    }
  })
}

/** Marks a code that the file does not have: no target is like that. */
const MADE = ''

/** In lower case, which is valid with every value of CODES. */
const CODE_LENGTH = 7

function newCode(codes: ReturnType<typeof lineIndex>): string {
  let code: string
  do code = generateCode(CODE_LENGTH, LOWER_ALPHABET)
  while (codes.find(code))
  return code
}
