// Stores the aliases of staged links, once the links are stored.
import type { Transaction } from '../database/guard.ts'
import { asProblem } from '../links/violations.ts'
import { type BadRow, badRows } from './bad-rows.ts'
import type { Chunk } from './source.ts'

/** Refuses codes that other links have. An alias that was removed since stays removed, as a link that was deleted stays deleted. */
export async function storeAliases(sql: Transaction, staging: string, [after, upTo]: Chunk) {
  const given = sql`
    from ${sql(staging)} s join urls link on link.id = s.id and link.deleted_at is null, unnest(s.aliases) with ordinality as given (code, nth)
    where s.line > ${after} and s.line <= ${upTo} and s.aliases is not null`
  const taken = await sql<BadRow[]>`
    select distinct line, 'aliases' as column, format('has %s, which is taken by another link', given.code) as message
    from (select s.line, s.id, given.code ${given}) as given join urls u on u.short_code = given.code
    where coalesce(u.alias_of, u.id) <> given.id order by line limit 20`
  if (taken.length > 0) throw badRows(taken)
  await sql`
    insert into urls (short_code, alias_of)
    select given.code, min(s.id) ${given} and not exists (select from urls u where u.short_code = given.code)
    group by given.code order by min(s.line), min(given.nth)`.catch((error) => {
    throw asProblem(error)
  })
}
