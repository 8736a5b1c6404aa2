import type { Database, Transaction } from '../database/guard.ts'
import { CODE, generateCode, RESERVED } from '../links/code.ts'
import { NewLink } from '../links/schema.ts'
import { locationOf, refusal } from '../links/target.ts'
import { flag, id, optional, required, text, time } from './cells.ts'
import { BadCell, type BadRow, badRows, readRows } from './csv.ts'
import { importFile, type Load, type Progress, type Source } from './load.ts'

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

export const linkSource: Source = { file: 'urls.csv', table: 'urls', staging: 'import_links', read, store }

function code(cell: string): string {
  const code = cell.trim()
  if (!CODE.test(code)) throw new BadCell('must be 1 to 64 of A-Z a-z 0-9 _ -')
  if (RESERVED.has(code.toLowerCase())) throw new BadCell('is a word that Waypost uses itself')
  return code
}

function target(cell: string): string {
  const target = cell.trim()
  const reason = refusal(target)
  if (reason) throw new BadCell(reason)
  return target
}

async function read(file: Uint8Array) {
  const codes = new Map<string, { line: number; original_url: string }>()
  const ids = new Map<number, { line: number; short_code: string | null }>()
  const rows = await readRows(file, columns, (row, refuse) => {
    const same = row.id === null ? undefined : ids.get(row.id)
    if (same && (row.short_code === null || same.short_code !== row.short_code)) refuse('id', `is that of row ${same.line} too`)
    else if (row.id !== null && !same) ids.set(row.id, row)
    const first = row.short_code === null ? undefined : codes.get(row.short_code)
    if (first && first.original_url !== row.original_url)
      refuse('short_code', `is that of row ${first.line} too, with another target`)
    else if (row.short_code !== null && !first) codes.set(row.short_code, row)
  })
  const made = new Set<string>()
  return rows.map(({ id, user_id, short_code, is_active, ...row }) => {
    const first = codes.get(short_code ?? '')?.line ?? row.line
    return {
      ...row,
      file_id: id,
      user_ref: user_id,
      short_code: short_code ?? newCode((code) => codes.has(code) || made.has(code), made),
      made: short_code === null,
      repeats: first < row.line ? first : null,
      location: locationOf(row.original_url),
      is_active: is_active ?? true,
    }
  })
}

const CODE_LENGTH = 6

function newCode(isTaken: (code: string) => boolean, made: Set<string>): string {
  let code: string
  do code = generateCode(CODE_LENGTH)
  while (isTaken(code))
  made.add(code)
  return code
}

async function store(sql: Transaction, load: Load) {
  for (const chunk of load.chunks) await findByCode(sql, load.id, chunk)
  await findByContent(sql, load.id)
  await remakeCodes(sql, load.id)
  for (const chunk of load.chunks) await refuseTaken(sql, load.id, chunk)
  for (const chunk of load.chunks) await refuseUnknownUsers(sql, load.id, chunk)
  await moveSequence(sql, load.id)
  for (const chunk of load.chunks) await insert(sql, load.id, chunk)
  await sql`
    update import_links s set id = first.id from import_links first
    where s.import_id = ${load.id} and s.repeats is not null and first.import_id = ${load.id} and first.line = s.repeats`
}

type Chunk = Load['chunks'][number]

const findByCode = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_links s set id = u.id
  from urls u
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and s.repeats is null
    and case when s.made then u.id = s.file_id and u.original_url = s.original_url
      else u.short_code = s.short_code and (u.original_url = s.original_url or u.id = s.file_id) end`

/** Rows without a code: the nth of some content is the nth link of it that no other row is. */
async function findByContent(sql: Transaction, importId: number) {
  const [some] = await sql`select from import_links where import_id = ${importId} and made and id is null limit 1`
  if (!some) return
  for (const timed of [true, false])
    await sql`
      with wanted as (
        select s.line, s.original_url, coalesce(s.title, '') as title, coalesce(f.id, s.user_ref, 0) as user_id,
          coalesce(s.created_at, '-infinity') as at,
          row_number() over (partition by s.original_url, s.title, coalesce(f.id, s.user_ref), s.created_at order by s.line) as nth
        from import_links s left join import_users f on f.import_id = ${importId} and f.file_id = s.user_ref
        where s.import_id = ${importId} and s.made and s.id is null and (s.created_at is not null) = ${timed}),
      found as (
        select id, original_url, title, user_id, at, row_number() over (partition by original_url, title, user_id, at order by id) as nth
        from (
          select id, original_url, coalesce(title, '') as title, coalesce(user_id, 0) as user_id,
            ${timed ? sql`created_at` : sql`'-infinity'::timestamptz`} as at
          from urls where deleted_at is null) as u
        where (original_url, title, user_id, at) in (select original_url, title, user_id, at from wanted)
          and not exists (select from import_links s where s.import_id = ${importId} and s.id = u.id))
      update import_links s set id = f.id
      from wanted w join found f using (original_url, title, user_id, at, nth)
      where s.import_id = ${importId} and s.line = w.line`
}

const TRIES = 5

/** A code made for a row may be taken by now; each try makes the few anew. */
async function remakeCodes(sql: Transaction, importId: number) {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const taken = await sql<{ line: number }[]>`
      select line from import_links s join urls using (short_code) where s.import_id = ${importId} and s.made and s.id is null`
    if (taken.length === 0) return
    for (const { line } of taken)
      await sql`update import_links set short_code = ${generateCode(CODE_LENGTH + 1)} where import_id = ${importId} and line = ${line}`
  }
}

async function refuseTaken(sql: Transaction, importId: number, [after, upTo]: Chunk) {
  const taken = await sql<BadRow[]>`
    select line, 'short_code' as column, case when u.deleted_at is null then 'is taken by another link' else 'is that of a deleted link' end as message
    from import_links s join urls u using (short_code)
    where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and s.id is null and s.repeats is null
    order by line limit 20`
  if (taken.length > 0) throw badRows(taken)
}

async function refuseUnknownUsers(sql: Transaction, importId: number, [after, upTo]: Chunk) {
  const unknown = await sql<BadRow[]>`
    select line, 'user_id' as column, format('names no user: there is none with the id %s', user_ref) as message
    from import_links s
    where import_id = ${importId} and line > ${after} and line <= ${upTo} and id is null and user_ref is not null
      and not exists (select from import_users f where f.import_id = ${importId} and f.file_id = s.user_ref)
      and not exists (select from users u where u.id = s.user_ref)
    order by line limit 20`
  if (unknown.length > 0) throw badRows(unknown)
}

const moveSequence = (sql: Transaction, importId: number) => sql`
  select setval('urls_id_seq', highest.id)
  from (select greatest((select max(file_id) from import_links where import_id = ${importId}), (select max(id) from urls)) as id) as highest,
    urls_id_seq as s
  where highest.id >= s.last_value`

const insert = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  with new as materialized (
    select s.line, coalesce(f.id, s.user_ref) as user_id, s.short_code, s.original_url, s.location, s.title, s.is_active,
      coalesce(s.created_at, now()) as created_at, coalesce(s.updated_at, s.created_at, now()) as updated_at,
      case when s.file_id is not null and not exists (select from urls u where u.id = s.file_id) then s.file_id
        else nextval('urls_id_seq') end as id
    from import_links s left join import_users f on f.import_id = ${importId} and f.file_id = s.user_ref
    where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and s.id is null and s.repeats is null
    order by s.line),
  inserted as (
    insert into urls (id, user_id, short_code, original_url, location, title, is_active, created_at, updated_at)
    select id, user_id, short_code, original_url, location, title, is_active, created_at, updated_at from new)
  update import_links s set id = new.id from new where s.import_id = ${importId} and s.line = new.line`
