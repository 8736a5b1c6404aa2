// Restricts a statement to one user's rows, for keys that are bound to a user.
import type { Sql, Transaction } from './guard.ts'

/** The user to whom a bound key is restricted (`ownerOf` of the request); undefined: unrestricted. Deliberately never optional. */
export type Owner = number | undefined

/** A condition on `urls`. Links without a user belong to nobody. */
export function ownLinks(sql: Sql | Transaction, owner: Owner) {
  return owner === undefined ? (sql as Sql)`` : (sql as Sql)`and user_id = ${owner}`
}

/** A condition on `events`: a link's events belong to its owner, whichever user they name; those without a link to their user. */
export function ownEvents(sql: Sql | Transaction, owner: Owner) {
  return owner === undefined
    ? (sql as Sql)``
    : (sql as Sql)`and (url_id = any(array(select id from urls where user_id = ${owner})) or url_id is null and user_id = ${owner})`
}
