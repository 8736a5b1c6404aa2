// Writes new links; those that arrive together in one statement. Writing 64 one by one would cost the database three times as much.

import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database, Writer } from '../database/guard.ts'
import type { By } from '../http/principal.ts'
import type { Codes } from './code.ts'
import { isFree } from './coded.ts'
import { GIVEN, jsonOf, linkColumns, type RowOf } from './columns.ts'
import type { LinkRow } from './schema.ts'
import { asProblem } from './violations.ts'

export type Draft = Pick<RowOf<'given'>, 'short_code' | 'original_url' | 'is_active'> &
  Partial<RowOf<'given'>> & { location: string | null; by: By }

/** `extra`: the rules for the redirect. */
export type Created = LinkRow & { extra: string | null }

type Waiting = { draft: Draft; resolve: (row: Created | undefined) => void; reject: (error: unknown) => void }

const WRITTEN = [...GIVEN, 'location']
const LIST = WRITTEN.join(', ')
const AT_ONCE = 100
const MAX_IN_FLIGHT = 3
const MAX_WAITING = 5_000

/**
 * Returns a function that writes one link and its `created` event in one round trip; it resolves with undefined if the code is taken. A
 * single link is written at once; while statements are in flight, new links are collected for the next one.
 */
export function createLinks(database: Database, codes: Pick<Codes, 'anyCase'>): (draft: Draft) => Promise<Created | undefined> {
  let gathering: Waiting[] = []
  let inFlight = 0

  async function write() {
    inFlight++
    while (gathering.length > 0) {
      const batch = takeDistinct()
      try {
        const rows = await insert(batch.map(({ draft }) => draft))
        const created = new Map(rows.map((row) => [row.short_code, row]))
        for (const { draft, resolve } of batch) resolve(created.get(draft.short_code))
      } catch (error) {
        if (batch.length === 1 || error instanceof DatabaseUnreachable) for (const { reject } of batch) reject(asProblem(error))
        else await oneByOne(batch) // one of them was refused: do not fail the others
      }
    }
    inFlight--
  }

  /** The next batch. If two links request the same code, the second waits for the next batch, and finds it taken. */
  function takeDistinct(): Waiting[] {
    const codes = new Set<string>()
    const batch: Waiting[] = []
    const rest: Waiting[] = []
    for (const one of gathering) {
      if (batch.length < AT_ONCE && !codes.has(one.draft.short_code)) {
        codes.add(one.draft.short_code)
        batch.push(one)
      } else rest.push(one)
    }
    gathering = rest
    return batch
  }

  async function oneByOne(batch: Waiting[]) {
    for (const { draft, resolve, reject } of batch) {
      try {
        resolve((await insert([draft]))[0])
      } catch (error) {
        reject(asProblem(error))
      }
    }
  }

  const insert = (drafts: Draft[]) => insertLinks(database, drafts, codes)

  return (draft) => {
    if (gathering.length >= MAX_WAITING)
      return Promise.reject(new DatabaseUnreachable('too many links are waiting to be created'))
    return new Promise((resolve, reject) => {
      gathering.push({ draft, resolve, reject })
      if (inFlight < MAX_IN_FLIGHT) queueMicrotask(() => void (inFlight < MAX_IN_FLIGHT && gathering.length > 0 && write()))
    })
  }
}

/** Writes one link as part of a transaction; undefined if its code is taken. */
export async function insertLink(writer: Writer, draft: Draft, codes: Pick<Codes, 'anyCase'>): Promise<Created | undefined> {
  try {
    return (await insertLinks(writer, [draft], codes))[0]
  } catch (error) {
    throw asProblem(error)
  }
}

/** Writes links and their `created` events in one statement. Those whose code is taken are missing from its rows. */
const insertLinks = (writer: Writer, drafts: Draft[], { anyCase }: Pick<Codes, 'anyCase'>) =>
  writer.run(
    (sql) => sql<Created[]>`
      with link as (
        insert into urls (${sql.unsafe(LIST)})
        select ${sql.unsafe(LIST)} from json_populate_recordset(null::urls, ${`[${drafts.map((draft) => jsonOf(draft, WRITTEN)).join()}]`}::text::json) d
        where true ${isFree(sql, sql`d.short_code`, sql`0`, anyCase)}
        on conflict (short_code) do nothing returning *),
      moved as materialized (select next_event_id()),
      caller as materialized (select ${callersOf(drafts)}::text::jsonb as by),
      logged as (
        insert into events (id, url_id, user_id, event_type, timestamp, details)
        select nextval('event_ids'), id, user_id, 'created', created_at,
          jsonb_build_object('short_code', short_code, 'original_url', original_url) || coalesce(by -> short_code, by -> '')
        from link cross join moved cross join caller)
      select ${linkColumns(sql)}, u.extra from link u, (select 0::bigint as clicks, null::timestamptz as last_click) as t`,
  )

/**
 * The callers as JSON: the first one's under '', different ones under their codes. Most batches have one caller, and a join by code would
 * make creating 64 at once 12 % slower; this costs 3 %.
 */
function callersOf(drafts: Draft[]): string {
  const { by: first } = drafts[0]!
  const others = drafts.filter(({ by }) => by.by !== first.by || by.key_id !== first.key_id)
  return JSON.stringify(Object.fromEntries([['', first], ...others.map(({ short_code, by }) => [short_code, by])]))
}
