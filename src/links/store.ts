import { conflict, notFound, unavailable } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import { type Owner, ownLinks } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import { type Target, targetColumns, targetJson } from '../redirect/target.ts'
import { updatedDetails } from './audit.ts'
import { assertUsable, generateCode } from './code.ts'
import { CHANGED, jsonOf } from './columns.ts'
import { createLinks } from './creation.ts'
import type { LinkFilter } from './filter.ts'
import type { Change, New } from './given.ts'
import type { LinkRow } from './schema.ts'
import { select, whereOf } from './select.ts'
import { locationOf } from './target.ts'
import { asProblem } from './violations.ts'

export type LinkStore = ReturnType<typeof linkStore>

/** Of columns that are not null. */
const DEFAULTS = { is_active: true, forward_path: false, confirm: false, tags: [] }

/** A link, possibly deleted: a deleted link keeps its id and code. */
export type Kept = { id: number; short_code: string; deleted: boolean }

const CODE_LENGTH = 6
const TRIES = 3
const FIRST_VERSION = 1 // the column's default in sql/
const SET = [...CHANGED, 'location']

export function linkStore(database: Database) {
  const insert = createLinks(database)
  const total = totals(database, 'urls', (sql) => sql`select 1 from urls where deleted_at is null`)

  return {
    /**
     * One round trip, including the `created` event. If a generated code is taken, tries three times, then three times with one more
     * character.
     */
    async create(link: New, by: By): Promise<{ link: LinkRow; target: Target }> {
      if (link.user_id && !Number.isSafeInteger(link.user_id)) throw notFound('User')
      const location = locationOf(link.original_url)
      const { short_code: custom } = link
      if (custom) assertUsable(custom)
      for (let attempt = 0; attempt < TRIES * 2; attempt++) {
        const code = custom ?? generateCode(attempt < TRIES ? CODE_LENGTH : CODE_LENGTH + 1)
        const row = await insert({ ...DEFAULTS, ...link, short_code: code, location, by })
        if (row) {
          const { extra, ...shown } = row
          total.changed()
          // Not read from the database as in `update`: JSON for each would make creating 64 at once 10 % slower.
          const target = {
            code,
            id: row.id,
            location: location ?? link.original_url,
            active: row.is_active,
            version: FIRST_VERSION,
            extra,
          }
          return { link: shown, target }
        }
        if (custom) throw conflict('short_code', 'this short_code is already taken')
      }
      throw unavailable('no free code was found: try again')
    },

    async find(id: number, owner: Owner): Promise<LinkRow> {
      const [link] = await database.run(
        (sql) => sql<LinkRow[]>`${select(sql)} where u.id = ${id} and u.deleted_at is null ${ownLinks(sql, owner)}`,
      )
      if (!link) throw notFound('URL')
      return link
    },

    async list(filter: LinkFilter, page: Page, owner: Owner): Promise<{ rows: LinkRow[]; total: Total }> {
      const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
      const whole = filtered ? undefined : total.count()
      const listed = database.run(async (sql) => {
        const where = whereOf(sql, filter, owner)
        const rows = sql<LinkRow[]>`
          ${select(sql)} ${where} ${pageOf(sql, page, sql`u.id`)}`
        return Promise.all([rows, filtered ? countUpTo(sql, sql`select 1 from urls u ${where}`) : undefined])
      })
      const [[found, counted], all] = await Promise.all([listed, whole]) // together, so that neither rejects unhandled
      return { rows: [...found], total: counted ?? all! }
    },

    /** Changes the given fields and writes an `updated` event for each that differs. */
    async update(
      id: number,
      { add, remove, ...change }: Change,
      owner: Owner,
      by: By,
    ): Promise<{ link: LinkRow; target: Target }> {
      const location = change.original_url === undefined ? undefined : locationOf(change.original_url)
      const [row] = await database
        .run((sql) => {
          const tags = change.tags ? sql`${change.tags}::text[]` : sql`old.tags`
          const tagged =
            add && remove ? sql`|| jsonb_build_object('tags', changed_tags(${tags}, ${add}::text[], ${remove}::text[]))` : sql``
          return sql<(LinkRow & { target: Target })[]>`
          with old as (select * from urls where id = ${id} and deleted_at is null ${ownLinks(sql, owner)} for update),
          wanted as (
            select wanted.* from old,
              jsonb_populate_record(row(old.*)::urls, ${jsonOf({ ...change, location }, SET)}::text::jsonb ${tagged}) as wanted),
          changes as (
            select id, field, to_jsonb(old) -> field as old_value, to_jsonb(wanted) -> field as new_value
            from old join wanted using (id), unnest(${CHANGED}::text[]) as field
            where to_jsonb(wanted) -> field is distinct from to_jsonb(old) -> field),
          updated as (
            update urls u set (${sql.unsafe(SET.join(', '))}, updated_at) = (${sql.unsafe(SET.map((name) => `w.${name}`).join(', '))}, now())
            from wanted w where u.id = w.id and exists (select from changes) returning u.*),
          logged as (
            insert into events (id, url_id, user_id, event_type, timestamp, details)
            select next_event_id(), u.id, u.user_id, 'updated', now(), ${updatedDetails(sql, by)}
            from updated u join changes c using (id))
          ${select(sql, sql`(select * from updated union all select * from old where not exists (select from updated))`, sql`, ${targetJson(sql)}`)}`
        })
        .catch((error) => {
          throw asProblem(error)
        })
      if (!row) throw notFound('URL')
      const { target, ...link } = row
      // The statement cannot see the allowance that its trigger changed.
      return { link: change.max_clicks === undefined ? link : await this.find(id, owner), target }
    },

    /** Removes the link from lists and redirects; its events and totals stay, and its code is never issued again. */
    async delete(id: number, reason: string, owner: Owner, by: By): Promise<Target> {
      const [link] = await database.run(
        (sql) => sql<Target[]>`
          with deleted as (
            update urls set deleted_at = now(), updated_at = now(), is_active = false, original_url = null, location = null, title = null
            where id = ${id} and deleted_at is null ${ownLinks(sql, owner)} returning *),
          logged as (
            insert into events (id, url_id, user_id, event_type, timestamp, details)
            select next_event_id(), id, user_id, 'deleted', now(), jsonb_build_object('reason', ${reason}::text) || ${sql.json(by)}::jsonb from deleted)
          select ${targetColumns(sql)} from deleted u`,
      )
      if (!link) throw notFound('URL')
      total.changed()
      return link
    },

    /** The link with this id (digits) or else this code, even if deleted, but not if purged. */
    async findKept(idOrCode: string, owner: Owner): Promise<Kept> {
      const byId = /^\d+$/.test(idOrCode)
      if (byId && !Number.isSafeInteger(Number(idOrCode))) throw notFound('URL')
      const [link] = await database.run(
        (sql) => sql<Kept[]>`
          select id, short_code, deleted_at is not null as deleted from urls
          where purged_at is null and ${byId ? sql`id = ${Number(idOrCode)}` : sql`short_code = ${idOrCode}`} ${ownLinks(sql, owner)}`,
      )
      if (!link) throw notFound('URL')
      return link
    },

    forgetTotal: () => total.changed(),
  }
}
