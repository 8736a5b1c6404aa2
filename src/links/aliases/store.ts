// Aliases: further codes of a link, which redirect as it does. A link that is renamed keeps its old code as one. See sql/0011-aliases.sql.
import { conflict, invalid, notFound } from '../../base/problem.ts'
import type { Database, Sql } from '../../database/guard.ts'
import { liveLinks, type Owner } from '../../database/ownership.ts'
import type { By } from '../../http/principal.ts'
import { type Target, targetColumns, targetJson } from '../../redirect/target.ts'
import { type Codes, refusalOfChosen } from '../code.ts'
import { isFree } from '../coded.ts'
import type { LinkRow } from '../schema.ts'
import { asProblem } from '../violations.ts'

/** A link with the codes of its aliases, the oldest first. */
export type Aliased = LinkRow & { aliases: string[] }

export type AliasRow = { code: string; created_at: string }

export type AliasStore = ReturnType<typeof aliasStore>

/** Whether the link `u` has aliases. */
export const isAliased = (sql: Sql) => sql`exists (select from urls a where a.alias_of = u.id and a.deleted_at is null)`

/** The codes of the aliases of the link `u`, the oldest first. */
export const aliasCodes = (sql: Sql) =>
  sql`array(select a.short_code from urls a where a.alias_of = u.id and a.deleted_at is null order by a.id)`

/** The aliases of these links as redirects see them now, including removed ones of a deleted link. */
export const aliasTargets = (database: Database, ids: number[]): Promise<Target[]> =>
  database.run((sql) => sql<Target[]>`select ${targetColumns(sql)} from urls u where u.alias_of = any(${ids}::bigint[])`)

/** The link with this id. The lock comes before those of its aliases, as in every change of a link. */
const linkOf = (sql: Sql, id: number, owner: Owner) => sql`
  link as materialized (
    select id, user_id from urls where id = ${id} and ${liveLinks(sql, owner)} for no key update)`

export function aliasStore(database: Database, codes: Codes) {
  return {
    /** Those of one link, the oldest first. 404 if there is no such link. */
    async list(id: number, owner: Owner): Promise<AliasRow[]> {
      const rows = await database.run(
        (sql) => sql<(AliasRow | { code: null })[]>`
          with link as (select id from urls where id = ${id} and ${liveLinks(sql, owner)})
          select a.short_code as code, a.created_at
          from link left join urls a on a.alias_of = link.id and a.deleted_at is null order by a.id`,
      )
      if (rows.length === 0) throw notFound('URL')
      return rows.filter((row) => row.code !== null)
    },

    /**
     * Gives a link one more code, or returns one that was removed from it: such a code never leads anywhere else. Writes `alias_added`. 409 if this
     * or another link has the code.
     */
    async add(id: number, code: string, owner: Owner, by: By): Promise<{ alias: AliasRow; target: Target }> {
      const wanted = codes.tidy(code)
      const reason = refusalOfChosen(wanted)
      const [row] = await database
        .run(
          (sql) => sql<[{ found: boolean; has: boolean; code: string | null; created_at: string; target: Target }]>`
            with ${linkOf(sql, id, owner)},
            back as (
              update urls u set deleted_at = null, updated_at = now() from link
              where u.alias_of = link.id and u.short_code in (${code}, ${wanted}) and u.deleted_at is not null returning u.*),
            added as (
              insert into urls (short_code, alias_of)
              select ${wanted}, link.id from link
              where ${reason === undefined} and not exists (select from back) ${isFree(sql, sql`${wanted}`, sql`link.id`, codes.anyCase)}
              on conflict (short_code) do nothing returning *),
            alias as (select * from back union all select * from added),
            logged as (
              insert into events (id, url_id, user_id, event_type, timestamp, details)
              select next_event_id(), link.id, link.user_id, 'alias_added', now(),
                jsonb_build_object('code', alias.short_code) || ${sql.json(by)}::jsonb
              from link, alias)
            select exists (select from link) as found,
              exists (select from urls, link where short_code = ${code} and coalesce(alias_of, urls.id) = link.id) as has,
              u.short_code as code, u.created_at, ${targetJson(sql)}
            from (select) as one left join alias u on true`,
        )
        .catch((error) => {
          throw asProblem(error)
        })
      const { found, has, target, created_at } = row!
      if (!found) throw notFound('URL')
      if (row!.code !== null) return { alias: { code: row!.code, created_at }, target }
      if (has) throw conflict('code', 'this link has this code already')
      if (reason !== undefined) throw invalid('code', reason)
      throw conflict('code', 'this code is already taken')
    },

    /** Removes an alias. Its code is never issued to another link, but this link can get it back. Writes `alias_removed`. */
    async remove(id: number, code: string, owner: Owner, by: By): Promise<Target> {
      const [target] = await database.run(
        (sql) => sql<Target[]>`
          with ${linkOf(sql, id, owner)},
          removed as (
            update urls u set deleted_at = now(), updated_at = now(), is_active = false, original_url = null, location = null from link
            where u.alias_of = link.id and u.short_code = ${code} and u.deleted_at is null returning u.*),
          logged as (
            insert into events (id, url_id, user_id, event_type, timestamp, details)
            select next_event_id(), link.id, link.user_id, 'alias_removed', now(),
              jsonb_build_object('code', removed.short_code) || ${sql.json(by)}::jsonb
            from link, removed)
          select ${targetColumns(sql)} from removed u`,
      )
      if (!target) throw notFound('Alias')
      return target
    },
  }
}
