// The link that has a code, in SQL. With CODES=insensitive, it is also found in another case, if exactly one link has the code in any.
import type { Fragment, Sql } from '../database/guard.ts'

/** The id of the link that has the code, as its own or as an alias, removed ones included; null if there is none. */
export function idOfCode(sql: Sql, code: string, anyCase = false) {
  const exact = sql`(select coalesce(alias_of, id) from urls where short_code = ${code})`
  return anyCase ? sql`coalesce(${exact}, (${idInAnyCase(sql, code)}))` : exact
}

const idInAnyCase = (sql: Sql, code: string) => sql`
  select max(id) from (
    select coalesce(alias_of, id) as id from urls where short_code = folded(${code}::text)
    union
    select coalesce(alias_of, id) from urls where folded(short_code) = folded(${code}::text) and short_code <> folded(short_code)) as spelled
  having count(*) = 1`

/**
 * A further condition: no link but `id` has the code in a spelling with capitals. `code` is in lower case; the constraint on `short_code` finds a
 * link with the code in lower case.
 */
export const isFree = (sql: Sql, code: Fragment, id: Fragment, anyCase: boolean) =>
  anyCase
    ? sql`and not exists (
        select from urls o
        where folded(o.short_code) = ${code} and o.short_code <> folded(o.short_code) and coalesce(o.alias_of, o.id) <> ${id})`
    : sql``
