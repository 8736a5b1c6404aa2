import statement from '../../sql/store-clicks.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'

/** A click as the redirect saw it; `time` in ms since 1970. */
export type Click = { urlId: number; time: number; referrer: string | null; userAgent: string | null }

/** Stores clicks, their series, breakdowns and totals in one statement. */
export async function storeClicks(database: Database, clicks: Click[]) {
  await database.run((sql) =>
    sql.unsafe(
      statement,
      [
        clicks.map(({ urlId }) => urlId),
        clicks.map(({ time }) => new Date(time).toISOString()),
        clicks.map(({ referrer }) => hostOf(referrer)),
        clicks.map(({ userAgent }) => clean(userAgent ?? '')),
      ],
      { prepare: true },
    ),
  )
}

/** The host of a referrer, lower-cased, or '': what a page's address may hold beyond it is the visitor's. */
function hostOf(referrer: string | null): string {
  return referrer ? clean(URL.parse(referrer)?.hostname ?? '') : ''
}

/** Headers arrive as Latin-1 and may hold anything. */
const clean = (text: string) => text.replaceAll('\0', '').toWellFormed().slice(0, 256)
