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
      user_id,
      short_code: short_code ?? newCode((code) => codes.has(code) || made.has(code), made),
      made: short_code === null,
      repeats: first < row.line ? first : null,
      location: locationOf(row.original_url),
      is_active: is_active ?? true,
      id,
      there: false,
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
  for (const chunk of load.chunks) await followUsers(sql, load.id, chunk)
  for (const chunk of load.chunks) await findByCode(sql, load.id, chunk)
  const [made] = await sql`select from import_links where import_id = ${load.id} and made limit 1`
  if (made) {
    await findByContent(sql, load.id)
    await remakeCodes(sql, load.id)
  }
  for (const chunk of load.chunks) await refuseTaken(sql, load.id, chunk)
  for (const chunk of load.chunks) await refuseUnknownUsers(sql, load.id, chunk)
  await moveSequence(sql, load.id)
  for (const chunk of load.chunks) await giveIds(sql, load.id, chunk)
  for (const chunk of load.chunks) await insert(sql, load.id, chunk)
  await sql`
    update import_links s set id = first.id from import_links first
    where s.import_id = ${load.id} and s.repeats is not null and first.import_id = ${load.id} and first.line = s.repeats`
}

type Chunk = Load['chunks'][number]

/** A user of the same import may have got another id. */
const followUsers = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_links s set user_id = f.id
  from import_users f
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo}
    and f.import_id = ${importId} and f.file_id = s.user_id and f.id <> f.file_id`

const findByCode = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_links s set id = u.id, there = true
  from urls u
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and not s.made and s.repeats is null
    and u.short_code = s.short_code and (u.original_url = s.original_url or u.id = s.file_id)`

/** Rows without a code: the one of the same id and target, or else the nth of some content is the nth link of it that no other row is. */
async function findByContent(sql: Transaction, importId: number) {
  await sql`
    update import_links s set there = true
    from urls u
    where s.import_id = ${importId} and s.made and u.id = s.file_id and u.original_url = s.original_url`
  for (const timed of [true, false])
    await sql`
      with wanted as (
        select line, original_url, coalesce(title, '') as title, coalesce(user_id, 0) as owner, coalesce(created_at, '-infinity') as at,
          row_number() over (partition by original_url, title, user_id, created_at order by line) as nth
        from import_links
        where import_id = ${importId} and made and not there and (created_at is not null) = ${timed}),
      found as (
        select id, original_url, title, owner, at, row_number() over (partition by original_url, title, owner, at order by id) as nth
        from (
          select id, original_url, coalesce(title, '') as title, coalesce(user_id, 0) as owner,
            ${timed ? sql`created_at` : sql`'-infinity'::timestamptz`} as at
          from urls where deleted_at is null) as u
        where (original_url, title, owner, at) in (select original_url, title, owner, at from wanted)
          and not exists (select from import_links s where s.import_id = ${importId} and s.id = u.id and s.there))
      update import_links s set id = f.id, there = true
      from wanted w join found f using (original_url, title, owner, at, nth)
      where s.import_id = ${importId} and s.line = w.line`
}

const TRIES = 5

/** A code made for a row may be taken by now; each try makes the few anew. */
async function remakeCodes(sql: Transaction, importId: number) {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const taken = await sql<{ line: number }[]>`
      select line from import_links s join urls using (short_code) where s.import_id = ${importId} and s.made and not s.there`
    if (taken.length === 0) return
    for (const { line } of taken)
      await sql`update import_links set short_code = ${generateCode(CODE_LENGTH + 1)} where import_id = ${importId} and line = ${line}`
  }
}

async function refuseTaken(sql: Transaction, importId: number, [after, upTo]: Chunk) {
  const taken = await sql<BadRow[]>`
    select line, 'short_code' as column, case when u.deleted_at is null then 'is taken by another link' else 'is that of a deleted link' end as message
    from import_links s join urls u using (short_code)
    where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and not s.there and s.repeats is null
    order by line limit 20`
  if (taken.length > 0) throw badRows(taken)
}

async function refuseUnknownUsers(sql: Transaction, importId: number, [after, upTo]: Chunk) {
  const unknown = await sql<BadRow[]>`
    select line, 'user_id' as column, format('names no user: there is none with the id %s', user_id) as message
    from import_links s
    where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there and user_id is not null
      and not exists (select from users u where u.id = s.user_id)
    order by line limit 20`
  if (unknown.length > 0) throw badRows(unknown)
}

const moveSequence = (sql: Transaction, importId: number) => sql`
  select setval('urls_id_seq', highest.id)
  from (select greatest((select max(file_id) from import_links where import_id = ${importId}), (select max(id) from urls)) as id) as highest,
    urls_id_seq as s
  where highest.id >= s.last_value`

/** To the rows whose id is taken, and to those that have none. */
const giveIds = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_links s set id = nextval('urls_id_seq')
  where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there and repeats is null
    and (id is null or exists (select from urls u where u.id = s.id))`

const insert = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  insert into urls (id, user_id, short_code, original_url, location, title, is_active, created_at, updated_at)
  select id, user_id, short_code, original_url, location, title, is_active, coalesce(created_at, now()), coalesce(updated_at, created_at, now())
  from import_links
  where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there and repeats is null
  order by line`
