// Writes new links, those that arrive together in one statement: creating 64 at once one by one costs the database three times as much.
import type { Database } from '../database/guard.ts'
import { DatabaseAway } from '../database/guard.ts'
import { notFound } from '../http/problem.ts'
import type { LinkRow } from './schema.ts'

export type Draft = { code: string; original_url: string; location: string | null; user_id: number | null; title: string | null }

type Waiting = { draft: Draft; resolve: (row: LinkRow | undefined) => void; reject: (error: unknown) => void }

const AT_ONCE = 100
const UNDER_WAY = 3
const MAX_WAITING = 5_000
const FOREIGN_KEY = '23503'

/**
 * Returns the way to write one link with its `created` event, in one round trip; undefined where the code is taken. A link that comes alone
 * goes at once; while statements are under way, those that come gather for the next.
 */
export function createLinks(database: Database): (draft: Draft) => Promise<LinkRow | undefined> {
  let gathering: Waiting[] = []
  let underWay = 0

  async function write() {
    underWay++
    while (gathering.length > 0) {
      const batch = takeDistinct()
      try {
        const rows = await insert(batch.map(({ draft }) => draft))
        const made = new Map(rows.map((row) => [row.short_code, row]))
        for (const { draft, resolve } of batch) resolve(made.get(draft.code))
      } catch (error) {
        if (batch.length === 1 || error instanceof DatabaseAway) for (const { reject } of batch) reject(asProblem(error))
        else await oneByOne(batch) // one of them is refused: the others must not pay for it
      }
    }
    underWay--
  }

  /** The next batch: of two links that want one code, the second waits, and finds it taken. */
  function takeDistinct(): Waiting[] {
    const codes = new Set<string>()
    const batch: Waiting[] = []
    const rest: Waiting[] = []
    for (const one of gathering) {
      if (batch.length < AT_ONCE && !codes.has(one.draft.code)) {
        codes.add(one.draft.code)
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

  const insert = (drafts: Draft[]) =>
    database.run(
      (sql) => sql<LinkRow[]>`
        with link as (
          insert into urls (user_id, short_code, original_url, location, title)
          select user_id, code, original_url, location, title
          from unnest(
            ${drafts.map(({ user_id }) => user_id)}::bigint[], ${drafts.map(({ code }) => code)}::text[],
            ${drafts.map(({ original_url }) => original_url)}::text[], ${drafts.map(({ location }) => location)}::text[],
            ${drafts.map(({ title }) => title)}::text[]) as draft (user_id, code, original_url, location, title)
          on conflict (short_code) do nothing returning *),
        moved as materialized (select next_event_id()),
        logged as (
          insert into events (id, url_id, user_id, event_type, timestamp, details)
          select nextval('event_ids'), id, user_id, 'created', created_at,
            jsonb_build_object('short_code', short_code, 'original_url', original_url) from link cross join moved)
        select id, user_id, short_code, original_url, title, is_active, 0::bigint as click_count, created_at, updated_at from link`,
    )

  return (draft) => {
    if (gathering.length >= MAX_WAITING) return Promise.reject(new DatabaseAway('too many links are waiting to be created'))
    return new Promise((resolve, reject) => {
      gathering.push({ draft, resolve, reject })
      if (underWay < UNDER_WAY) queueMicrotask(() => void (underWay < UNDER_WAY && gathering.length > 0 && write()))
    })
  }
}

const asProblem = (error: unknown) => ((error as { code?: string }).code === FOREIGN_KEY ? notFound('User') : error)
