// Exports links as CSV that the import accepts. Reads page by page while sending: a million links need no more memory than a thousand.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { csvCell } from '../base/csv-cell.ts'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import { needs } from '../http/access.ts'
import { exchangeOf } from '../http/exchange.ts'
import { ownerOf } from '../http/principal.ts'
import { valuesOf } from '../http/query.ts'
import { flagFilter, OTHERS_IGNORED } from '../http/validation.ts'
import type { Admission } from './admission.ts'
import type { Aliased } from './aliases/store.ts'
import { IMPORTED } from './columns.ts'
import { LinkFilters, readFilter } from './filter.ts'
import { linkResource } from './schema.ts'
import { walkLinks } from './walk.ts'

const COLUMNS = [...IMPORTED, 'aliases', 'password', 'click_count'] as const

export function exportRoute({ database, clicks, admission }: { database: Database; clicks: Recorder; admission: Admission }) {
  return new Elysia().get(
    '/api/export/links.csv',
    async ({ query, request, set }) => {
      const filter = readFilter(query, valuesOf(request, 'tag'), admission.codesFor(request))
      const form = { bom: flagFilter(query, 'bom') ?? false, guard: flagFilter(query, 'guard') ?? false }
      await pendingClicks(clicks, set.headers)
      const pages = walkLinks(database, filter, ownerOf(request))
      const first = await pages.next() // before the answer starts, while we can still send an error
      return new Response(csv(first, pages, form, exchangeOf(request).stillAuthorised), {
        headers: {
          ...(set.headers as Record<string, string>),
          'Content-Type': 'text/csv; charset=utf-8; header=present',
          'Content-Disposition': `attachment; filename="waypost-links-${new Date().toISOString().slice(0, 10)}.csv"`,
        },
      })
    },
    {
      query: Type.Object(
        {
          ...LinkFilters,
          bom: Type.Optional(
            Type.String({ description: 'true or 1: starts with a byte order mark, so that Excel recognises UTF-8.' }),
          ),
          guard: Type.Optional(
            Type.String({
              description:
                'true or 1: puts an apostrophe before cells that begin with = + - @, a tab or a line break, so that spreadsheets do not run them as formulas. The import removes it.',
            }),
          ),
        },
        OTHERS_IGNORED,
      ),
      detail: {
        tags: [linkResource.tag],
        summary: 'Export links',
        description:
          'CSV that POST /urls/bulk accepts; it ignores click_count. `password` says whether there is one: the import makes such a link inactive. Without `guard`, cells are unchanged, and a spreadsheet may run one that begins with = as a formula. If the export fails midway, the connection is aborted, so an incomplete file is never mistaken for a complete one.',
        ...needs('read', { bound: true }),
        responses: { 200: { description: 'Links, ordered by id.', content: { 'text/csv': { schema: { type: 'string' } } } } },
      },
    },
  )
}

type Pages = AsyncGenerator<Aliased[], void>

type Form = { bom: boolean; guard: boolean }

function csv(
  first: IteratorResult<Aliased[], void>,
  pages: Pages,
  { bom, guard }: Form,
  stillAuthorised: (() => boolean) | undefined,
) {
  const line = (link: Aliased) => {
    const cells = { ...link, aliases: link.aliases.join(' ') }
    return `${COLUMNS.map((name) => csvCell(cells[name], guard)).join()}\r\n`
  }
  const encoder = new TextEncoder()
  let begun: typeof first | undefined = first
  let head = `${bom ? '\ufeff' : ''}${COLUMNS.join()}\r\n`
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // Repeat until there is something to send: a page may be empty.
        for (let text = ''; text === ''; ) {
          if (stillAuthorised?.() === false) throw new Error('the caller is no longer authorised')
          const { value: rows, done } = begun ?? (await pages.next())
          begun = undefined
          text = head + (rows ?? []).map(line).join('')
          head = ''
          if (text) controller.enqueue(encoder.encode(text))
          if (done) return controller.close()
        }
      },
      cancel: () => void pages.return(),
    },
    { highWaterMark: 0 },
  )
}
