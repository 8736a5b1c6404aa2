// Restricts a statement to what a bound key reaches: the rows of a user, the links with a tag, or those of both.
import type { Sql, Transaction } from './guard.ts'

/** The user and the tag that a key is bound to (`ownerOf` of the request); undefined: unrestricted. Deliberately never optional. */
export type Owner = { user?: number; tag?: string } | undefined

/** A condition on `urls`. Links without a user belong to nobody. */
export function ownLinks(sql: Sql | Transaction, owner: Owner) {
  const { user, tag } = owner ?? {}
  return (sql as Sql)`
    ${user === undefined ? (sql as Sql)`` : (sql as Sql)`and user_id = ${user}`}
    ${tag === undefined ? (sql as Sql)`` : (sql as Sql)`and ${hasAll(sql, [tag])}`}`
}

/** A condition on `urls`: the links that there are, of the owner. Deleted ones and aliases are rows, too. */
export const liveLinks = (sql: Sql | Transaction, owner: Owner) =>
  (sql as Sql)`deleted_at is null and alias_of is null ${ownLinks(sql, owner)}`

/** A condition on `users`: a key that is bound to a tag alone sees no users. */
export function ownUsers(sql: Sql | Transaction, owner: Owner) {
  return owner === undefined ? (sql as Sql)`` : (sql as Sql)`and id = ${owner.user ?? null}`
}

/**
 * A condition on `events`. Events of a link belong to the owner of the link, whichever user they name. Events without a link belong to their user; a
 * key that is bound to a tag sees none of them. `links`: those of the owner, if they are known.
 */
export function ownEvents(sql: Sql | Transaction, owner: Owner, links?: number[]) {
  if (owner === undefined) return (sql as Sql)``
  const ofLinks = links
    ? (sql as Sql)`url_id = any(${links}::bigint[])`
    : (sql as Sql)`exists (select from urls where urls.id = url_id ${ownLinks(sql, owner)})`
  if (owner.tag !== undefined) return (sql as Sql)`and ${ofLinks}`
  return (sql as Sql)`and (${ofLinks} or url_id is null and user_id = ${owner.user!})`
}

/** Whether a link has all of these tags, ignoring case. Written for the index of tags, which has only links that have some. */
export const hasAll = (sql: Sql | Transaction, tags: string[]) =>
  (sql as Sql)`tag_keys <> '{}' and tag_keys @> keys_of_tags(${tags}::text[])`

/** Whether it has any of them. */
export const hasAny = (sql: Sql | Transaction, tags: string[]) =>
  (sql as Sql)`tag_keys <> '{}' and tag_keys && keys_of_tags(${tags}::text[])`
