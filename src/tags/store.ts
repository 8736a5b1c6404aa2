import { notFound } from '../base/problem.ts'
import type { Database, Fragment, Sql } from '../database/guard.ts'
import { hasAll, type Owner, ownLinks } from '../database/ownership.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import type { By } from '../http/principal.ts'
import { updatedDetails } from '../links/audit.ts'
import { tagCounts } from './counts.ts'

export type TagStore = ReturnType<typeof tagStore>

const LINKS_AT_ONCE = 1_000

export function tagStore(database: Database) {
  const counts = tagCounts(database)

  /** Changes every link of the caller that has the tag, and writes an event for each. Returns how many changed. */
  async function change(tag: string, tags: (sql: Sql) => Fragment, owner: Owner, by: By): Promise<number> {
    let after = 0
    let links = 0
    try {
      await inPortions(portionUpTo(LINKS_AT_ONCE), async (limit) => {
        const [chunk] = await database.run(
          (sql) => sql<{ looked_at: number; changed: number; last: number }[]>`
            with held as (
              select id, tags from urls where ${hasAll(sql, [tag])} and id > ${after} ${ownLinks(sql, owner)} order by id limit ${limit} for update),
            wanted as (select id, tags as old_value, ${tags(sql)} as new_value from held),
            changed as (
              update urls u set tags = new_value, updated_at = now() from wanted w
              where u.id = w.id and new_value is distinct from old_value
              returning u.id, u.user_id, 'tags'::text as field, old_value, new_value),
            moved as materialized (select next_event_id()),
            logged as (
              insert into events (id, url_id, user_id, event_type, timestamp, details)
              select nextval('event_ids'), id, user_id, 'updated', now(), ${updatedDetails(sql, by)} from changed c cross join moved)
            select count(*) as looked_at, (select count(*) from changed) as changed, max(id) as last from held`,
        )
        after = chunk!.last ?? after
        links += chunk!.changed
        return chunk!.looked_at
      })
    } finally {
      counts.forget()
    }
    return links
  }

  /** Whether the caller has a link with it. */
  const isUsed = (sql: Sql, tag: string, owner: Owner) =>
    sql`exists (select from urls where ${hasAll(sql, [tag])} ${ownLinks(sql, owner)})`

  return {
    /** All tags of the caller's links. */
    list: (owner: Owner) => counts.all(owner),

    /** The ids of the caller's links with this tag; 404 if there are none. */
    async linksWith(tag: string, owner: Owner): Promise<number[]> {
      const rows = await database.run(
        (sql) => sql<{ id: number }[]>`select id from urls where ${hasAll(sql, [tag])} ${ownLinks(sql, owner)} order by id`,
      )
      if (rows.length === 0) throw notFound('Tag')
      return rows.map(({ id }) => id)
    },

    /**
     * Gives a tag another name on the caller's links, in chunks; if a link has that one already, the two become one. Keys bound to the tag
     * follow, unless the caller only reaches some of its links. Returns how many links changed.
     */
    async rename(tag: string, name: string, owner: Owner, by: By): Promise<number> {
      await database.transaction(async (transaction) => {
        const sql = transaction as unknown as Sql
        const { count } = await sql`
          insert into events (id, user_id, event_type, details)
          select next_event_id(), ${owner?.user ?? null}, 'tag_renamed', ${sql.json({ tag, name, ...by })} where ${isUsed(sql, tag, owner)}`
        if (count === 0) throw notFound('Tag')
        if (owner === undefined)
          await sql`update api_keys set only_tag = ${name} where uncased(only_tag) = uncased(${tag}) and only_tag <> ${name}`
      })
      const renamed = (sql: Sql) => sql`
        changed_tags(array(
          select case when uncased(tag) = uncased(${tag}) then ${name} else tag end from unnest(tags) with ordinality as t (tag, place) order by place
        ), '{}', '{}')`
      return change(tag, renamed, owner, by)
    },

    /** Removes a tag from the caller's links, in chunks. */
    async remove(tag: string, owner: Owner, by: By): Promise<void> {
      const { count } = await database.run(
        (sql) => sql`
          insert into events (id, user_id, event_type, details)
          select next_event_id(), ${owner?.user ?? null}, 'tag_deleted', ${sql.json({ tag, ...by })} where ${isUsed(sql, tag, owner)}`,
      )
      if (count === 0) throw notFound('Tag')
      await change(tag, (sql) => sql`changed_tags(tags, '{}', ${[tag]}::text[])`, owner, by)
    },
  }
}
