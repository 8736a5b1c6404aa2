// Statements shared by the staging of users, links and events.
import type { Transaction } from '../database/guard.ts'
import type { Chunk, Load } from './source.ts'

/** A user of the same import may have received another id. */
export const followUsers = (sql: Transaction, { id, staging }: Load, [after, upTo]: Chunk) => sql`
  update ${sql(staging)} s set user_id = f.id
  from import_users f
  where s.import_id = ${id} and s.line > ${after} and s.line <= ${upTo}
    and f.import_id = ${id} and f.file_id = s.user_id and f.id <> f.file_id`

/** Selects the BadRows of a chunk whose user is neither in the database nor in the import. */
export const unknownUsers = (sql: Transaction, { id, staging }: Load, [after, upTo]: Chunk) => sql`
  select line, 'user_id' as column, format('must be the id of a user: %s does not exist', user_id) as message
  from ${sql(staging)} s
  where import_id = ${id} and line > ${after} and line <= ${upTo} and not there and user_id is not null
    and not exists (select from users u where u.id = s.user_id)`

/** Moves the sequence, so that new ids are above those of the file. */
export const moveSequence = (sql: Transaction, { id, table, staging }: Load) => sql`
  select setval(${sequenceOf(table)}::text::regclass, highest.id)
  from (select greatest((select max(file_id) from ${sql(staging)} where import_id = ${id}), (select max(id) from ${sql(table)})) as id) as highest,
    ${sql(sequenceOf(table))} as s
  where highest.id >= s.last_value`

/** Gives ids to rows whose id is taken and to rows without one; `which` is a further condition. */
export const giveIds = (sql: Transaction, { id, table, staging }: Load, [after, upTo]: Chunk, which = sql``) => sql`
  update ${sql(staging)} s set id = nextval(${sequenceOf(table)}::text::regclass)
  where import_id = ${id} and line > ${after} and line <= ${upTo} and not there ${which}
    and (id is null or exists (select from ${sql(table)} t where t.id = s.id))`

const sequenceOf = (table: string) => `${table}_id_seq`
