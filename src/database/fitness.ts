// Checks for what no session setting can correct, and what would give wrong results: such a database is not used.
import type { Transaction } from './guard.ts'

/** The database is unusable as it is; the message is one sentence for the operator. */
export class DatabaseUnfit extends Error {
  override name = 'DatabaseUnfit'
}

type Found = {
  database: string
  encoding: string
  role: string
  schema: string | null
  visible: boolean
  elsewhere: string[]
  chosen: boolean
}

/** Throws DatabaseUnfit if values would be stored damaged, triggers are off, or search_path misses the tables' schema. */
export async function assertFit(sql: Transaction): Promise<void> {
  const [found] = await sql<Found[]>`
    select current_database() as database, current_setting('server_encoding') as encoding,
      current_setting('session_replication_role') as role, current_schema() as schema, to_regclass('link_totals') is not null as visible,
      array(
        select n.nspname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relname = 'link_totals' and c.relkind = 'r' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
          and exists (select from pg_class m where m.relnamespace = n.oid and m.relname = 'schema_migrations')
        order by n.nspname) as elsewhere,
      (select source in ('client', 'session') from pg_settings where name = 'search_path') as chosen`
  const { database, encoding, role, schema, visible, elsewhere, chosen } = found!
  if (encoding !== 'UTF8')
    throw new DatabaseUnfit(
      `the database ${database} has the encoding ${encoding}, and waypost needs UTF8: create database … encoding 'UTF8' template template0, and use that one`,
    )
  if (role !== 'origin')
    throw new DatabaseUnfit(
      `session_replication_role is ${role} in the database ${database}, so its triggers are off: set it to origin for the role, the database or the server`,
    )
  if (visible) return
  if (schema === null)
    throw new DatabaseUnfit(
      `search_path leads to no schema of the database ${database}: create that schema, or set search_path for the role, or in DATABASE_URL by options=-csearch_path%3Dpublic`,
    )
  if (elsewhere.length > 0 && !chosen)
    throw new DatabaseUnfit(
      `the tables of waypost are in the schema ${elsewhere.join(' and ')} of the database ${database}, and search_path leads to ${schema}: correct search_path, or add options=-csearch_path%3D${schema} to DATABASE_URL to create new tables there`,
    )
}
