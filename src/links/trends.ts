// The last two weeks of many links at once, which the console draws into its list.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid } from '../base/problem.ts'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { Trend, zoneParameter } from '../clicks/schema.ts'
import { spanOf } from '../clicks/span.ts'
import { TREND_DAYS, trendsOf } from '../clicks/trends.ts'
import type { Database } from '../database/guard.ts'
import { needs } from '../http/access.ts'
import { ownerOf } from '../http/principal.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import { linkResource } from './schema.ts'

const MOST = 100

export function trendsRoute({ database, clicks }: { database: Database; clicks: Recorder }) {
  return new Elysia({ detail: { tags: [linkResource.tag] } }).get(
    '/api/trends',
    async ({ query, request, set }) => {
      const ids = idsIn(query.ids)
      const { zone } = spanOf({ tz: query.tz })
      await pendingClicks(clicks, set.headers)
      return trendsOf(database, ids, zone, ownerOf(request))
    },
    {
      query: Type.Object(
        { ids: Type.String({ description: `Ids of links, separated by commas: at most ${MOST}.` }), tz: zoneParameter },
        OTHERS_IGNORED,
      ),
      response: { 200: Type.Array(Trend) },
      detail: {
        summary: `Clicks per day of several links, for the last ${TREND_DAYS} days`,
        ...needs('read', { bound: true }),
      },
    },
  )
}

function idsIn(text: string): number[] {
  const ids = text.split(',')
  if (ids.length > MOST || !ids.every((id) => /^\d+$/.test(id)))
    throw invalid('ids', `must be 1 to ${MOST} whole numbers, separated by commas`)
  return ids.map(Number).filter(Number.isSafeInteger)
}
