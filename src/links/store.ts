import type { Database, Sql } from '../database/guard.ts'
import { type Owner, ownLinks } from '../database/ownership.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { Page, Total } from '../http/page.ts'
import { conflict, notFound, unavailable } from '../http/problem.ts'
import { type Target, targetColumns } from '../redirect/target.ts'
import { assertUsable, generateCode } from './code.ts'
import { createLinks } from './creation.ts'
import type { LinkFilter } from './filter.ts'
import type { LinkChange, LinkRow, NewLink } from './schema.ts'
import { locationOf } from './target.ts'

export type LinkStore = ReturnType<typeof linkStore>

/** A deleted link keeps its id and code. */
export type Kept = { id: number; short_code: string; deleted: boolean }

const CODE_LENGTH = 6
const TRIES = 3
const FIRST_VERSION = 1 // of a new row in sql/

export function linkStore(database: Database) {
  const insert = createLinks(database)
  const total = totals(database, 'urls', (sql) => sql`select 1 from urls where deleted_at is null`)

  return {
    /** One round trip, its `created` event included. A generated code that is taken is made again, three times, then one character longer. */
    async create(link: NewLink): Promise<{ link: LinkRow; target: Target }> {
      if (link.user_id && !Number.isSafeInteger(link.user_id)) throw notFound('User')
      const location = locationOf(link.original_url)
      const { short_code: custom } = link
      if (custom) assertUsable(custom)
      for (let attempt = 0; attempt < TRIES * 2; attempt++) {
        const code = custom ?? generateCode(attempt < TRIES ? CODE_LENGTH : CODE_LENGTH + 1)
        const { original_url, user_id = null, title = null } = link
        const row = await insert({ code, original_url, location, user_id, title })
        if (row) {
          total.changed()
          const target = { code, id: row.id, location: location ?? original_url, active: row.is_active, version: FIRST_VERSION }
          return { link: row, target }
        }
        if (custom) throw conflict('short_code', 'this short_code is already taken')
      }
      throw unavailable('no free code was found')
    },

    async find(id: number, owner: Owner): Promise<LinkRow> {
      const [link] = await database.run(
        (sql) => sql<LinkRow[]>`${select(sql)} where u.id = ${id} and u.deleted_at is null ${ownLinks(sql, owner)}`,
      )
      if (!link) throw notFound('URL')
      return link
    },

    async list(filter: LinkFilter, page: Page, owner: Owner): Promise<{ rows: LinkRow[]; total: Total }> {
      return database.run(async (sql) => {
        const where = whereOf(sql, filter, owner)
        const rows = sql<LinkRow[]>`
          ${select(sql)} ${where} ${pageOf(sql, page, sql`u.id`)}`
        const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
        const count = filtered ? countUpTo(sql, sql`select 1 from urls u ${where}`) : total.count()
        const [found, counted] = await Promise.all([rows, count]) // together: neither may fail with nobody waiting for it
        return { rows: [...found], total: counted }
      })
    },

    /** The next links after an id, for whoever reads all of them. */
    async following(after: number, size: number, filter: LinkFilter, owner: Owner): Promise<LinkRow[]> {
      const page = { number: 1, size, offset: 0, after, descending: false }
      return database.run((sql) => sql<LinkRow[]>`${select(sql)} ${whereOf(sql, filter, owner)} ${pageOf(sql, page, sql`u.id`)}`)
    },

    /** Changes the given fields and writes one `updated` event for each that differs. */
    async update(id: number, change: LinkChange, owner: Owner): Promise<{ link: LinkRow; target: Target }> {
      const location = change.original_url === undefined ? null : locationOf(change.original_url)
      const [row] = await database.run(
        (sql) => sql<(LinkRow & { target: Target })[]>`
          with old as (select * from urls where id = ${id} and deleted_at is null ${ownLinks(sql, owner)} for update),
          wanted as (
            select id, user_id,
              ${change.original_url === undefined ? sql`original_url` : sql`${change.original_url}::text`} as original_url,
              ${change.original_url === undefined ? sql`location` : sql`${location}::text`} as location,
              ${change.title === undefined ? sql`title` : sql`${change.title}::text`} as title,
              ${change.is_active === undefined ? sql`is_active` : sql`${change.is_active}::boolean`} as is_active
            from old),
          changes as (
            select old.id, field, new_value from old join wanted using (id), lateral (values
              ('original_url', to_jsonb(wanted.original_url), to_jsonb(old.original_url)),
              ('title', to_jsonb(wanted.title), to_jsonb(old.title)),
              ('is_active', to_jsonb(wanted.is_active), to_jsonb(old.is_active))) as c (field, new_value, old_value)
            where new_value is distinct from old_value),
          updated as (
            update urls u set original_url = w.original_url, location = w.location, title = w.title, is_active = w.is_active, updated_at = now()
            from wanted w where u.id = w.id and exists (select from changes) returning u.*),
          logged as (
            insert into events (id, url_id, user_id, event_type, timestamp, details)
            select next_event_id(), u.id, u.user_id, 'updated', now(), jsonb_build_object('field', c.field, 'new_value', c.new_value)
            from updated u join changes c using (id))
          ${select(sql, sql`(select * from updated union all select * from old where not exists (select from updated))`, targetJson(sql))}`,
      )
      if (!row) throw notFound('URL')
      const { target, ...link } = row
      return { link, target }
    },

    /** Takes the link out of lists and redirects; its events and totals stay, its code is never issued again. */
    async delete(id: number, reason: string, owner: Owner): Promise<Target> {
      const [link] = await database.run(
        (sql) => sql<Target[]>`
          with deleted as (
            update urls set deleted_at = now(), updated_at = now(), is_active = false, original_url = null, location = null, title = null
            where id = ${id} and deleted_at is null ${ownLinks(sql, owner)} returning *),
          logged as (
            insert into events (id, url_id, user_id, event_type, timestamp, details)
            select next_event_id(), id, user_id, 'deleted', now(), jsonb_build_object('reason', ${reason}::text) from deleted)
          select ${targetColumns(sql)} from deleted u`,
      )
      if (!link) throw notFound('URL')
      total.changed()
      return link
    },

    /** The link of an id (digits) or else a code, also when it is deleted, but not when it is purged. */
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

const targetJson = (sql: Sql) => sql`, (select to_json(target) from (select ${targetColumns(sql)}) as target) as target`

const select = (sql: Sql, from = sql`urls`, more = sql``) => sql`
  select u.id, u.user_id, u.short_code, u.original_url, u.title, u.is_active,
    coalesce(t.clicks, 0)::bigint as click_count, u.created_at, u.updated_at ${more}
  from ${from} u left join link_totals t on t.url_id = u.id`

function whereOf(sql: Sql, { user_id, is_active, blocked, q }: LinkFilter, owner: Owner) {
  return sql`
    where u.deleted_at is null ${ownLinks(sql, owner)}
    ${user_id === undefined ? sql`` : sql`and u.user_id = ${user_id}`}
    ${is_active === undefined ? sql`` : is_active ? sql`and u.is_active` : sql`and not u.is_active`}
    ${blocked === undefined ? sql`` : blocked ? sql`and ${isBlocked(sql)}` : sql`and not ${isBlocked(sql)}`}
    ${q === undefined ? sql`` : sql`and (u.short_code || ' ' || coalesce(u.original_url, '') || ' ' || coalesce(u.title, '')) ilike ${`%${escapeLike(q)}%`}`}`
}

/**
 * Whether the host that `u` leads to, or a domain above it, is on the list, as its target is written. Every link is looked at: 300,000 take some 2 s,
 * by one hash of the hosts (`is true` keeps it from becoming a join for each link), where regular expressions took 6 s.
 */
const isBlocked = (sql: Sql) => sql`
  exists (
    select from (select split_part(split_part(split_part(split_part(
      coalesce(u.location, u.original_url), '/', 3), '?', 1), '#', 1), '@', -1) as place offset 0) as written,
    lateral (select string_to_array(lower(rtrim(
      case when place like '[%' then split_part(place, ']', 1) || ']' else split_part(place, ':', 1) end, '.')), '.') as labels offset 0) as host,
    generate_subscripts(labels, 1) as first
    where (array_to_string(labels[first:], '.') in (select host from blocked_hosts)) is true)`

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&')
