import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { tagOf } from '../base/tag.ts'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { StatsQuery } from '../clicks/schema.ts'
import { spanOf } from '../clicks/span.ts'
import { statsOfMany } from '../clicks/stats-of-many.ts'
import type { Database } from '../database/guard.ts'
import { needs } from '../http/access.ts'
import { pageHeaders, pageQuery, readPage } from '../http/page.ts'
import { askedBy, assertNotOwnTag, ownerOf } from '../http/principal.ts'
import { textFilter } from '../http/validation.ts'
import { Renamed, Tag, TagChange, TagParams, TagStats, tagResource } from './schema.ts'
import type { TagStore } from './store.ts'

type Parts = {
  database: Database
  tags: TagStore
  clicks: Recorder
  /** Called after links, their events and keys changed. */
  tagChanged: () => Promise<void>
}

export function tagRoutes({ database, tags, clicks, tagChanged }: Parts) {
  return new Elysia({ detail: { tags: [tagResource.tag] } })
    .get(
      '/api/tags',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const part = textFilter(query, 'q')?.normalize('NFC').toLowerCase() ?? ''
        await pendingClicks(clicks, set.headers)
        const { tags: all, whole } = await tags.list(ownerOf(request))
        const found = all.filter(({ name }) => name.toLowerCase().includes(part))
        const rows = found.slice(page.offset, page.offset + page.size)
        Object.assign(set.headers, pageHeaders(request.url, page, rows, { count: found.length, exact: whole }))
        return rows
      },
      {
        query: pageQuery({ q: Type.Optional(Type.String({ description: 'A part of the name, ignoring case.' })) }),
        response: { 200: Type.Array(Tag) },
        detail: {
          summary: 'List tags, by name',
          description: 'At most 10,000 tags. With more than 10,000 tagged links, the counts are slightly out of date.',
          ...needs('read', { bound: true }),
        },
      },
    )
    .put(
      '/api/tags/:tag',
      async ({ params, body, request }) => {
        const tag = tagOf(params.tag, 'tag')
        const name = tagOf(body.name, 'name')
        assertNotOwnTag(request, tag, 'tag')
        const links = await tags.rename(tag, name, ownerOf(request), askedBy(request)).finally(tagChanged)
        return { name, links }
      },
      {
        params: TagParams,
        body: TagChange,
        response: { 200: Renamed },
        detail: {
          summary: 'Rename a tag, or merge it into another',
          description:
            'If links have the new name already, both tags become one. 1,000 links change at a time: if this fails midway, repeat it. Keys that are bound to the tag follow.',
          ...needs('write', { bound: true }),
        },
      },
    )
    .delete(
      '/api/tags/:tag',
      async ({ params, request, set }) => {
        const tag = tagOf(params.tag, 'tag')
        assertNotOwnTag(request, tag, 'tag')
        await tags.remove(tag, ownerOf(request), askedBy(request)).finally(tagChanged)
        set.status = 204
      },
      {
        params: TagParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Delete a tag',
          description: 'Removes it from its links. The links stay.',
          ...needs('write', { bound: true }),
        },
      },
    )
    .get(
      '/api/tags/:tag/stats',
      async ({ params, query, request, set }) => {
        const tag = tagOf(params.tag, 'tag')
        const span = spanOf(query)
        await pendingClicks(clicks, set.headers)
        const ids = await tags.linksWith(tag, ownerOf(request))
        return { tag, links: ids.length, ...(await statsOfMany(database, ids, span)) }
      },
      {
        params: TagParams,
        query: StatsQuery,
        response: { 200: TagStats },
        detail: {
          summary: 'Statistics of all links with a tag, together',
          description: 'Deleted links have no tags. 503 if adding up the clicks takes longer than 10 s.',
          ...needs('read', { bound: true }),
        },
      },
    )
}
