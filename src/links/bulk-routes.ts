import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { inside, invalid } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import type { EventStore } from '../events/store.ts'
import { fails, needs } from '../http/access.ts'
import { readJson } from '../http/body.ts'
import { answerInTime } from '../http/long-answer.ts'
import { askedBy, ownerOf } from '../http/principal.ts'
import { Id } from '../http/validation.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { Admission } from './admission.ts'
import { changeOf, deletionOf, inBulk, type Which } from './bulk.ts'
import { FilterBody, readFilterBody } from './filter.ts'
import type { Reading } from './given.ts'
import { LinkChange, linkResource, Outcome } from './schema.ts'
import type { LinkStore } from './store.ts'

const MAX_IDS = 10_000

const Selection = {
  ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: MAX_IDS, description: 'Ids of links; unknown ones are ignored.' })),
  filter: Type.Optional(FilterBody),
  dry_run: Type.Optional(Type.Boolean({ description: 'true: changes nothing, and counts what would change.', default: false })),
}
/** Without short_code: many links cannot have the same code. */
const { short_code: _, ...SETTABLE } = LinkChange.properties
const BulkChange = Type.Object(
  {
    ...Selection,
    set: Type.Object(SETTABLE, { additionalProperties: false, description: 'As for PATCH /urls/:id.' }),
  },
  { additionalProperties: false },
)
const BulkDeletion = Type.Object(
  {
    ...Selection,
    reason: Type.Optional(Type.String({ maxLength: 500, description: 'Kept in the `deleted` events.', default: 'manual' })),
  },
  { additionalProperties: false },
)

type Parts = {
  database: Database
  links: LinkStore
  events: EventStore
  resolver: Resolver
  admission: Admission
  reading: Reading
}

const HOW = `Give either ids or filter. Links are handled in chunks of at most 500, in order of id; each chunk is a transaction. If the request fails or the client leaves, finished chunks stay: repeat the request for the rest. An answer that takes longer than 5 seconds begins with blanks.`

/** DELETE has a body here, so these routes parse bodies themselves: register them before a global onParse. */
export function bulkRoutes({ database, links, events, resolver, admission, reading }: Parts) {
  const whichOf = ({ ids, filter }: Static<typeof BulkDeletion>, request: Request): Which => {
    if ((ids === undefined) === (filter === undefined)) throw invalid('ids', 'or filter is required, and not both')
    if (ids) return { ids }
    try {
      return { filter: readFilterBody(filter!, admission.codesFor(request)) }
    } catch (error) {
      throw inside('filter', error)
    }
  }
  const run = (request: Request, which: Which, statement: ReturnType<typeof changeOf>) =>
    answerInTime(
      request,
      inBulk(database, which, ownerOf(request), statement, (targets) => {
        resolver.changed(targets)
        links.forgetPages()
        events.forgetPages()
      }),
    ) as Promise<Outcome>

  return new Elysia({ detail: { tags: [linkResource.tag] } })
    .onParse(({ request }) => readJson(request))
    .patch(
      '/urls/bulk',
      async ({ body, request }) => {
        const { set, dry_run = false } = body
        if (Object.values(set).every((value) => value === undefined)) throw invalid('set', 'must contain at least one field')
        const which = whichOf(body, request)
        const change = await reading.change(set, request).catch((error) => {
          throw inside('set', error)
        })
        return run(request, which, changeOf(change, askedBy(request), dry_run))
      },
      {
        body: BulkChange,
        response: { 200: Outcome },
        detail: { summary: 'Change many links', description: HOW, ...needs('write', { bound: true }), ...fails(409) },
      },
    )
    .delete(
      '/urls/bulk',
      async ({ body, request }) => {
        const { reason = 'manual', dry_run = false } = body
        return run(request, whichOf(body, request), deletionOf(reason || 'manual', askedBy(request), dry_run))
      },
      {
        body: BulkDeletion,
        response: { 200: Outcome },
        detail: { summary: 'Delete many links', description: HOW, ...needs('write', { bound: true }) },
      },
    )
}
