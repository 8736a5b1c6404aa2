// A restore fills whole tables. Their indexes are built, and their references checked, at once at the end: in a fraction of the time.
import type { Tables } from '../base/resource.ts'
import type { Transaction } from './guard.ts'

const SORTING = String(256 * 1024) // kB of memory for building an index

/**
 * Runs `work`, which replaces the content of `tables`, without their indexes and foreign keys, and creates these again. Primary keys and unique columns
 * stay. Readers wait until the transaction ends.
 */
export async function withoutIndexes<T>(sql: Transaction, tables: Tables, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(tables)
  await sql.unsafe('set local lock_timeout = 0; set local statement_timeout = 0').simple()
  await sql`
    select set_config(name, ${SORTING}, true) from pg_settings where name = 'maintenance_work_mem' and setting::bigint < ${SORTING}::bigint`
  const references = await sql<{ drop: string; create: string }[]>`
    select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
      format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as create
    from pg_constraint where contype = 'f' and conparentid = 0 and conrelid in (select to_regclass(name) from unnest(${names}::text[]) as name)`
  const indexes = await sql<{ drop: string; create: string }[]>`
    select format('drop index %s', indexrelid::regclass) as drop, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as create
    from pg_index where not indisunique and indrelid in (select to_regclass(name) from unnest(${names}::text[]) as name)`
  const all = [...indexes, ...references]
  for (const { drop } of all) await sql.unsafe(drop)
  const result = await work()
  for (const { create } of all) await sql.unsafe(create)
  return result
}
