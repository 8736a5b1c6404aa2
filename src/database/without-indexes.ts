// A restore fills whole tables: without their indexes and references meanwhile, which are built or checked at once in a fraction of the time.
import type { Tables } from '../base/resource.ts'
import type { Transaction } from './guard.ts'

/**
 * Runs `work`, which replaces the content of `tables`, without their indexes and foreign keys, and creates these again. Primary keys and unique columns
 * stay. Readers wait until the transaction ends.
 */
export async function withoutIndexes<T>(sql: Transaction, tables: Tables, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(tables)
  await sql.unsafe('set local lock_timeout = 0; set local statement_timeout = 0').simple()
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
