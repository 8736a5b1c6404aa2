// A key bound to a user sees and changes only what is this user's: ends of `where` that keep a statement to it.
import type { Sql, Transaction } from './guard.ts'

/** The user that whoever asks is kept to (`ownerOf` of the request); undefined for everybody else. Never optional: every caller says which. */
export type Owner = number | undefined

/** Of `urls`. Links without a user are nobody's. */
export function ownLinks(sql: Sql | Transaction, owner: Owner) {
  return owner === undefined ? (sql as Sql)`` : (sql as Sql)`and user_id = ${owner}`
}

/** Of `events`: those of a link are its owner's, whichever user they name; those without a link are their user's. */
export function ownEvents(sql: Sql | Transaction, owner: Owner) {
  return owner === undefined
    ? (sql as Sql)``
    : (sql as Sql)`and (url_id = any(array(select id from urls where user_id = ${owner})) or url_id is null and user_id = ${owner})`
}
