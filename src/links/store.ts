import { notFound, unavailable } from '../base/problem.ts'
import { type Database, type Sql, type Writer, within } from '../database/guard.ts'
import { milestones, type NextIds } from '../database/milestones.ts'
import { liveLinks, type Owner, ownLinks } from '../database/ownership.ts'
import type { Page, Place, SortedPage, Total } from '../database/paging.ts'
import { countUpTo, filterTotals, totals } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import { type Target, targetColumns, targetJson } from '../redirect/target.ts'
import { type Aliased, aliasCodes, aliasTargets, isAliased } from './aliases/store.ts'
import { changing, deleting } from './changing.ts'
import { assertUsable, type Codes } from './code.ts'
import { idOfCode, isFree } from './coded.ts'
import { createLinks, type Draft, insertLink } from './creation.ts'
import type { LinkFilter } from './filter.ts'
import type { Change, New } from './given.ts'
import { isSearch, pageOfMatches } from './matches.ts'
import { findSame } from './reuse.ts'
import type { LinkRow } from './schema.ts'
import { isOrdered, linksOf, pageOfLinks, select, whereOf } from './select.ts'
import type { SortName } from './sort.ts'
import { sortedLinks, sortedMatches } from './sorted.ts'
import { locationOf } from './target.ts'
import { asProblem, taken } from './violations.ts'

export type LinkStore = ReturnType<typeof linkStore>

/** The defaults of columns that are not null. */
const DEFAULTS = { is_active: true, forward_path: false, confirm: false, tags: [] }

/** A link, possibly deleted: a deleted link keeps its id and code. */
export type Kept = { id: number; short_code: string; deleted: boolean }

/** `next`: the cursor after a page that is not full, because more links have to be read. */
export type Listed = { rows: LinkRow[]; total: Total; next?: number }

const TRIES = 3
const FIRST_VERSION = 1 // the column's default in sql/

export function linkStore(database: Database, codes: Codes) {
  const inBatch = createLinks(database, codes)
  const insert = async (draft: Draft, writer?: Writer) => (writer ? insertLink(writer, draft, codes) : inBatch(draft))
  /** A condition: the code is that of the link already, or no other link has it in another case. */
  const mayHave = (sql: Sql, id: number, code: string) =>
    codes.anyCase ? sql`and (short_code = ${code} or true ${isFree(sql, sql`${code}`, sql`${id}`, true)})` : sql``
  const total = totals(database, ['urls'], (sql) => sql`select 1 from urls where ${liveLinks(sql, undefined)}`)

  const filtering = filterTotals(database)
  const pages = milestones(database)
  const changed = () => {
    total.changed()
    filtering.changed()
  }

  return {
    /**
     * One round trip, including the `created` event. If a generated code is taken, tries three times, then three times with one more
     * character. `writer`: as part of this transaction, not together with other links.
     */
    async create(link: New, by: By, writer?: Writer): Promise<{ link: Aliased; target: Target }> {
      const draft = draftOf(link, codes)
      const { short_code: custom } = draft
      for (let attempt = 0; attempt < TRIES * 2; attempt++) {
        const code = custom ?? codes.generate(attempt < TRIES ? 0 : 1)
        const row = await insert({ ...draft, short_code: code, by }, writer)
        if (row) {
          const { extra, ...shown } = row
          changed()
          // Not read from the database as in `update`: JSON for each would make creating 64 at once 10 % slower.
          const target = {
            code,
            id: row.id,
            location: draft.location ?? link.original_url,
            active: row.is_active,
            version: FIRST_VERSION,
            extra,
          }
          return { link: { ...shown, aliases: [] }, target }
        }
        if (custom) throw taken()
      }
      throw unavailable('no free code was found: try again')
    },

    /** Finds a link that does the same, or creates this one and returns its `target`. Of several simultaneous callers, only one creates. */
    reuse(link: New, by: By, writer: Writer = database): Promise<{ link: Aliased; target?: Target }> {
      return writer.transaction(async (sql) => {
        const found = await findSame(sql, draftOf(link, codes))
        return found ? { link: found } : this.create(link, by, within(sql))
      })
    },

    async find(id: number, owner: Owner): Promise<Aliased> {
      const [link] = await database.run(
        (sql) => sql<Aliased[]>`
          ${select(sql, sql`urls`, sql`, ${aliasCodes(sql)} as aliases`)}
          where u.id = ${id} and ${liveLinks(sql, owner)}`,
      )
      if (!link) throw notFound('URL')
      return link
    },

    /** Whether this spelling of a code leads to the link with this id. */
    async leadsTo(code: string, id: number): Promise<boolean> {
      const [row] = await database.run(
        (sql) => sql<[{ leads: boolean | null }]>`
          select ${idOfCode(sql, code, codes.anyCase)} = ${id}
            and not exists (select from urls where short_code = ${code} and deleted_at is not null) as leads`,
      )
      return row.leads === true
    },

    async list(filter: LinkFilter, page: Page, owner: Owner): Promise<Listed> {
      if (isSearch(filter)) {
        const { ids, total, next } = await pageOfMatches(database, filter, page, owner)
        return { rows: await linksOf(database, ids), total, next }
      }
      const where = (sql: Sql) => whereOf(sql, filter, owner)
      const simple = isOrdered(filter, owner)
      const counted = isFiltered(filter, owner)
        ? filtering.count([filter, owner], (sql) => countUpTo(sql, sql`select 1 from urls u ${where(sql)}`), simple)
        : total.count()
      const next: NextIds = (sql, after, limit) =>
        sql`select u.id from urls u ${where(sql)} and u.id > ${after} order by u.id limit ${limit}`
      return pages.list({
        page,
        counted,
        filter: [filter, owner],
        next: simple ? next : undefined,
        read: (page) => database.run((sql) => pageOfLinks(sql, filter, page, owner)),
      })
    },

    /** The same in another order; `place` is that of the last row. */
    async sorted(
      filter: LinkFilter,
      sort: SortName,
      page: SortedPage,
      owner: Owner,
    ): Promise<{ rows: LinkRow[]; total: Total; place: Place | undefined }> {
      const asked = { filter, sort, page, owner }
      if (isFiltered(filter, owner)) return sortedMatches(database, asked)
      const all = await total.count()
      return { ...(await sortedLinks(database, asked, all)), total: all }
    },

    /**
     * Changes the given fields and writes an `updated` event for each that differs. Another short_code makes the old one an alias. Also returns the
     * link and its aliases as redirects see them.
     */
    async update(id: number, change: Change, owner: Owner, by: By): Promise<{ link: Aliased; targets: Target[] }> {
      const { short_code } = change
      const [row] = await database
        .run(
          (sql) => sql<(Aliased & { target: Target })[]>`
          with old as (
            select * from urls where id = ${id} and ${liveLinks(sql, owner)}
              ${short_code === undefined ? sql`` : mayHave(sql, id, short_code)} for update),
          ${changing(sql, change, by)}
          ${select(
            sql,
            sql`(select * from updated union all select * from old where not exists (select from updated))`,
            sql`, ${targetJson(sql)}, ${aliasCodes(sql)} as aliases`,
          )}`,
        )
        .catch((error) => {
          throw asProblem(error)
        })
      if (!row && short_code !== undefined && (await this.find(id, owner))) throw taken() // in another case
      if (!row) throw notFound('URL')
      const { target, ...link } = row
      filtering.changed()
      const targets = [target, ...(link.aliases.length > 0 || short_code !== undefined ? await aliasTargets(database, [id]) : [])]
      // The statement cannot see the allowance and the aliases that its triggers changed.
      const isSeen = change.max_clicks === undefined && short_code === undefined
      return { link: isSeen ? link : await this.find(id, owner), targets }
    },

    /** Removes the link from lists and redirects; its events and totals stay, and its code is never issued again. */
    async delete(id: number, reason: string, owner: Owner, by: By): Promise<Target[]> {
      const [row] = await database.run(
        (sql) => sql<(Target & { aliased: boolean })[]>`
          with old as (select id from urls where id = ${id} and ${liveLinks(sql, owner)} for update),
          ${deleting(sql, reason, by)}
          select ${targetColumns(sql)}, ${isAliased(sql)} as aliased from deleted u`,
      )
      if (!row) throw notFound('URL')
      changed()
      const { aliased, ...target } = row
      return [target, ...(aliased ? await aliasTargets(database, [id]) : [])]
    },

    /** The link with this id (digits) or else this code, even if deleted, but not if purged. */
    async findKept(idOrCode: string, owner: Owner): Promise<Kept> {
      const byId = /^\d+$/.test(idOrCode)
      if (byId && !Number.isSafeInteger(Number(idOrCode))) throw notFound('URL')
      const [link] = await database.run(
        (sql) => sql<Kept[]>`
          select id, short_code, deleted_at is not null as deleted from urls
          where purged_at is null and alias_of is null
            and id = ${byId ? sql`${Number(idOrCode)}` : idOfCode(sql, idOrCode, codes.anyCase)} ${ownLinks(sql, owner)}`,
      )
      if (!link) throw notFound('URL')
      return link
    },

    forgetTotal: changed,

    /** Many links changed. */
    forgetPages() {
      changed()
      pages.forget()
    },
  }
}

const isFiltered = (filter: LinkFilter, owner: Owner) =>
  owner !== undefined || Object.values(filter).some((value) => value !== undefined)

/** 400 for an invalid target or code, 404 for an impossible user. */
function draftOf(link: New, codes: Codes) {
  if (link.user_id && !Number.isSafeInteger(link.user_id)) throw notFound('User')
  const short_code = link.short_code ? codes.tidy(link.short_code) : link.short_code
  if (short_code) assertUsable(short_code)
  return { ...DEFAULTS, ...link, short_code, location: locationOf(link.original_url) }
}
