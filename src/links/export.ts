// Links as CSV, as the import takes them again: page by page while they are sent, so that a million cost no more memory than a thousand.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { needs } from '../http/access.ts'
import { exchangeOf } from '../http/exchange.ts'
import { ownerOf } from '../http/principal.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import { LinkFilters, readFilter } from './filter.ts'
import type { LinkRow } from './schema.ts'
import type { LinkStore } from './store.ts'

const PAGE = 1_000
const COLUMNS = [
  'id',
  'user_id',
  'short_code',
  'original_url',
  'title',
  'is_active',
  'created_at',
  'updated_at',
  'click_count',
] as const

export function exportRoute(links: LinkStore, clicks: Recorder) {
  return new Elysia().get(
    '/api/export/links.csv',
    async ({ query, request, set }) => {
      const filter = readFilter(query)
      const owner = ownerOf(request)
      await pendingClicks(clicks, set.headers)
      const first = await links.following(0, PAGE, filter, owner) // before the answer begins: now it can still be an error
      return new Response(
        csv(first, (after) => links.following(after, PAGE, filter, owner), exchangeOf(request).holds),
        {
          headers: {
            ...(set.headers as Record<string, string>),
            'Content-Type': 'text/csv; charset=utf-8; header=present',
            'Content-Disposition': `attachment; filename="waypost-links-${new Date().toISOString().slice(0, 10)}.csv"`,
          },
        },
      )
    },
    {
      query: Type.Object(LinkFilters, OTHERS_IGNORED),
      detail: {
        tags: ['Links'],
        summary: 'Export links',
        description:
          'CSV that POST /urls/bulk takes again, with click_count, which it ignores. Cells are as they are: a spreadsheet may take one that begins with = for a formula. An export that breaks off ends the connection, never the file.',
        ...needs('read', { bound: true }),
        responses: { 200: { description: 'Links, by id.', content: { 'text/csv': { schema: { type: 'string' } } } } },
      },
    },
  )
}

function csv(first: LinkRow[], next: (after: number) => Promise<LinkRow[]>, holds: (() => boolean) | undefined) {
  const encoder = new TextEncoder()
  let rows: LinkRow[] | undefined = first
  let head = `${COLUMNS.join()}\r\n`
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (holds?.() === false) throw new Error('who reads may not any more')
        const page = rows ?? []
        controller.enqueue(encoder.encode(head + page.map(line).join('')))
        head = ''
        if (page.length < PAGE) return controller.close()
        rows = await next(page.at(-1)!.id)
      },
    },
    { highWaterMark: 0 },
  )
}

const line = (link: LinkRow) => `${COLUMNS.map((name) => cell(link[name])).join()}\r\n`

function cell(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
